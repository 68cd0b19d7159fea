"""Uploaded pictures: how many and how large they may be, and which are refused."""

import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest

from gan_core.data.errors import DataError
from gan_core.data.own import archive as own_archive
from gan_core.data.own import images as own_images
from gan_core.data.own.images import read_images
from gan_core.data.own.refusals import KEPT_REFUSALS, MAX_UPLOAD
from tests.gan_core.data.own.support import GOOD, NO_PICTURE, chunk, png_of, read_one, refusal_of
from tests.gan_core.support import encoded, noise_images, zipped


def test_at_least_sixteen_pictures_are_needed() -> None:
    assert len(read_images(list(GOOD.items()), 8).array) == 16
    files = [*list(GOOD.items())[:15], ("z.png", b"text")]
    with pytest.raises(DataError) as caught:
        read_images(files, 8)
    assert str(caught.value) == f"15 pictures could be read; there should be 16 to 20,000. z.png {NO_PICTURE}."


def test_an_empty_upload_is_refused() -> None:
    with pytest.raises(DataError, match=r"^0 pictures could be read; there should be 16 to 20,000\.$"):
        read_images([], 8)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", zipped({}), "a.zip contains no files."),
        ("a.zip", zipped({"folder/": b""}), "a.zip contains no files."),
        ("a.zip", zipped({"a.txt": b"text"}), f"a.txt {NO_PICTURE}."),
        ("a.zip", b"", "a.zip is not a zip, or is damaged."),
        ("a.zip", b"text", "a.zip is not a zip, or is damaged."),
        ("a.zip", zipped(GOOD)[:-30], "a.zip is not a zip, or is damaged."),
        ("a.zip", zipped(GOOD)[:400], "a.zip is not a zip, or is damaged."),
        ("a.png", b"", f"a.png {NO_PICTURE}."),
    ],
)
def test_an_upload_without_pictures_is_refused_with_the_reason(name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_images([(name, content)], 8)
    assert str(caught.value) == f"0 pictures could be read; there should be 16 to 20,000. {message}"


def test_an_error_states_the_first_reasons_and_counts_the_others() -> None:
    with pytest.raises(DataError) as caught:
        read_images([(f"{index:04}.png", b"text") for index in range(1007)], 8)
    message = str(caught.value)
    assert f"0004.png {NO_PICTURE}. And 1,002 more." in message
    assert "0005.png" not in message


def test_one_readable_picture_is_counted_in_the_singular() -> None:
    with pytest.raises(DataError, match=r"^1 picture could be read; there should be 16 to 20,000\.$"):
        read_images([("a.png", next(iter(GOOD.values())))], 8)


def test_the_number_of_refusals_is_limited() -> None:
    bad = {f"bad/{index:04}.png": b"text" for index in range(1007)}
    gathered = read_images([("a.zip", zipped({**GOOD, **bad}))], 8)
    assert len(gathered.refusals) == KEPT_REFUSALS + 1
    assert gathered.refused == 1007
    assert gathered.refusals[-2:] == (f"bad/0049.png {NO_PICTURE}.", "And 957 more.")
    assert len(gathered.array) == 16


def test_the_limit_itself_is_not_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_images, "MOST_PICTURES", 16)
    gathered = read_images([*GOOD.items(), ("z.txt", b"text")], 8)
    assert (len(gathered.array), gathered.notes, len(gathered.refusals)) == (16, (), 1)
    gathered = read_images([*GOOD.items(), ("y.txt", b"text"), ("z.png", GOOD["good/00.png"])], 8)
    assert (len(gathered.array), len(gathered.refusals)) == (16, 1)
    assert gathered.notes == (
        "Only the first 16 pictures by name are used: the limit is 16 pictures or 2,000 million pixels.",
    )
    np.testing.assert_array_equal(gathered.array, noise_images(16))
    assert own_archive.MAX_ENTRIES > 20_000


def broken_middle(content: bytes) -> bytes:
    """Return the content with its middle overwritten, at the same length."""
    third = len(content) // 3
    return content[:third] + b"\x55" * third + content[2 * third :]


LARGE = encoded(noise_images(1, 100)[0])
PHOTO = encoded(noise_images(1, 100)[0], "JPEG")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"text", NO_PICTURE),
        (b"", NO_PICTURE),
        (b"<svg onload='alert(1)'/>", NO_PICTURE),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", NO_PICTURE),  # Pillow would call Ghostscript
        (encoded(noise_images(1)[0], "ICO"), NO_PICTURE),
        (b"\x89PNG\r\n\x1a\n", "is damaged or incomplete"),
        (b"\xff\xd8\xff", "is damaged or incomplete"),
        (LARGE[:-100], "is damaged or incomplete"),
        (LARGE[: len(LARGE) // 2], "is damaged or incomplete"),
        (LARGE[:30], "is damaged or incomplete"),
        (broken_middle(LARGE), "is damaged or incomplete"),
        (PHOTO[: len(PHOTO) // 2], "is damaged or incomplete"),
        (png_of(100, 100, 0, zlib.compress(b"")), "is damaged or incomplete"),
        (png_of(0, 100, 0, zlib.compress(b"")), "is damaged or incomplete"),
        (png_of(8, 8, 77, zlib.compress(bytes(72))), "is damaged or incomplete"),
        (LARGE[:-12] + chunk(b"IHDR", b"") + LARGE[-12:], "is damaged or incomplete"),
        (PHOTO[:2] + b"junk" + PHOTO[2:], "is damaged or incomplete"),
        (PHOTO[:2] + b"ju\0\x08" + b"\xff\xe1\0\x04Ex" + PHOTO[2:], "is damaged or incomplete"),
        (zipped(GOOD), "is a zip inside a zip, which is not opened"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_the_good_ones_are_read(content: bytes, reason: str) -> None:
    assert refusal_of("cats/one.png", content) == f"cats/one.png {reason}."


def test_the_format_is_recognised_by_content_and_not_by_name() -> None:
    photo = encoded(noise_images(1)[0], "JPEG")
    np.testing.assert_array_equal(read_one(photo, 8), read_images([("a.png", photo), *GOOD.items()], 8).array[0])


@pytest.mark.parametrize(
    ("width", "height"), [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (40_000_001, 1), (9_500, 9_500), (14_000, 14_000)]
)
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    """A few hundred bytes would be decoded to gigabytes. Pillow warns from a side of 9,460 pixels and raises from 13,378."""
    bomb = png_of(width, height, 0, zlib.compress(bytes(100_000)))
    assert len(bomb) < 300
    tracemalloc.start()
    message = refusal_of("bomb.png", bomb)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert message == f"bomb.png has {width:,}×{height:,} pixels; the limit is 40 million."


def test_a_jpeg_of_many_scans_is_refused() -> None:
    photo = encoded(noise_images(1, 16)[0], "JPEG", progressive=True)
    last = photo[photo.rindex(b"\xff\xda") : -2]
    assert len(read_one(photo[:-2] + last + photo[-2:], 8)) == 8
    message = refusal_of("scans.jpg", photo[:-2] + last * 31 + photo[-2:])
    assert message == "scans.jpg has more than 30 scans, which no ordinary JPEG has."


MEGABYTE = zlib.compress(bytes(2**20 - 1))  # Pillow unpacks at most this much of a text


def with_chunks(*chunks: bytes) -> bytes:
    """A PNG of 8×8 pixels with further chunks before them."""
    png = GOOD["good/00.png"]
    return png[:33] + b"".join(chunks) + png[33:]


@pytest.mark.parametrize(
    "bomb",
    [
        chunk(b"iCCP", b"a\0\0" + MEGABYTE),
        chunk(b"zTXt", b"\0\0" + MEGABYTE),
        chunk(b"iTXt", b"a\0\1\0\0\0" + MEGABYTE),
    ],
)
def test_a_png_of_many_compressed_texts_is_refused(bomb: bytes) -> None:
    """45,000 of them, in a file of 45 MB, would take Pillow 100 seconds."""
    assert len(read_one(with_chunks(bomb), 8)) == 8
    began = time.process_time()
    message = refusal_of("texts.png", with_chunks(*[bomb] * 101))
    assert message == "texts.png has more than 100 compressed texts, which no ordinary PNG has."
    assert time.process_time() - began < 1


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_a_text_that_unpacks_to_gigabytes_is_refused(kind: bytes) -> None:
    """Texts beyond 64 MB in all are refused by Pillow too."""
    bomb = with_chunks(chunk(kind, b"a\0\0" + zlib.compress(bytes(2**27))))
    tracemalloc.start()
    assert refusal_of("text.png", bomb) == "text.png is damaged or incomplete."
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_an_exif_whose_tags_share_their_bytes_is_read_in_bounded_memory() -> None:
    """Each of 16,000 tags claims the whole block: 8 GB, if they were all read."""
    tags = b"".join(struct.pack(">HHII", tag, 1, 2**19, 8) for tag in range(16_000))
    bomb = with_chunks(chunk(b"eXIf", b"MM\0*\0\0\0\x08\x3e\x80" + tags))
    began = time.process_time()
    tracemalloc.start()
    np.testing.assert_array_equal(read_one(bomb, 8), noise_images(1)[0])
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()
    assert time.process_time() - began < 5


def test_an_animation_of_many_frames_costs_no_more_than_its_first() -> None:
    frames = [struct.pack(">5IHHBB", 2 * index + 1, 8, 8, 0, 0, 1, 1, 0, 0) for index in range(20_000)]
    later = b"".join(
        chunk(b"fcTL", frame) + chunk(b"fdAT", struct.pack(">I", 2 * index + 2) + zlib.compress(bytes(72)))
        for index, frame in enumerate(frames)
    )
    first = chunk(b"acTL", struct.pack(">II", len(frames), 0)) + chunk(b"fcTL", bytes(4) + frames[0][4:])
    png = with_chunks(first)
    began = time.process_time()
    np.testing.assert_array_equal(read_one(png[:-12] + later + png[-12:], 8), noise_images(1)[0])
    assert time.process_time() - began < 1


def test_the_limit_of_pixels_counts_all_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_images, "MAX_WORK", 16 * 64 + 99)
    large = encoded(noise_images(1, 10)[0])
    gathered = read_images([*GOOD.items(), ("x.png", large), ("y.png", large)], 8)
    assert len(gathered.array) == 16
    assert "Only the first 16 pictures by name are used" in gathered.notes[0]


def test_an_upload_of_more_than_fifty_megabytes_is_refused() -> None:
    half = bytes(MAX_UPLOAD // 2)
    with pytest.raises(DataError, match=r"^The files are larger than 50 MB together, which is the limit\.$"):
        read_images([("a", half), ("b", half), ("c", b"x")], 8)
    with pytest.raises(DataError, match=r"^0 pictures could be read"):
        read_images([("a", half), ("b", half)], 8)
