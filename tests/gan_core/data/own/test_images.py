"""Uploaded pictures: which are read, and which are refused."""

import io
import stat
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_core.data.errors import DataError
from gan_core.data.own import archive as own_archive
from gan_core.data.own import images as own_images
from gan_core.data.own.images import read_images
from gan_core.data.own.refusals import KEPT_REFUSALS, MAX_UPLOAD, Gathered
from gan_core.data.own.samples import fingerprint
from tests.gan_core.support import encoded, noise_images, zipped

READABLE = "PNG, JPEG, BMP, WebP, GIF, TIFF, PPM, JPEG 2000 or AVIF"
NO_PICTURE = f"is not a {READABLE} picture"
GOOD = {f"good/{index:02}.png": encoded(picture) for index, picture in enumerate(noise_images(16))}


def read_one(content: bytes, size: int) -> NDArray[np.uint8]:
    """Read one picture, together with 16 others whose names follow its own."""
    gathered = read_images([("a", content), *GOOD.items()], size)
    assert gathered.refusals == ()
    assert len(gathered.array) == 17
    return gathered.array[0]


def refusal_of(name: str, content: bytes) -> str:
    """Return the refusal of a file in a zip with 16 good ones, which are read."""
    gathered = read_images([("some.zip", zipped({name: content, **GOOD}))], 8)
    (refusal,) = gathered.refusals
    np.testing.assert_array_equal(gathered.array, noise_images(16))
    return refusal


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG's chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, kind: int, data: bytes, bits: int = 8) -> bytes:
    """Return a PNG file that Pillow would not write: ``kind`` is its colour type, ``data`` its compressed rows."""
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# Pictures that are read --------------------------------------------------------------------------------------


def test_grey_pictures_of_the_right_size_are_unchanged() -> None:
    gathered = read_images(list(GOOD.items()), 8)
    assert (gathered.refusals, gathered.notes) == ((), ())
    assert gathered.array.dtype == np.uint8
    np.testing.assert_array_equal(gathered.array, noise_images(16))


def test_order_and_zipping_of_an_upload_do_not_change_the_samples() -> None:
    backwards = dict(reversed(GOOD.items()))
    read = [
        read_images(list(GOOD.items()), 8),
        read_images(list(backwards.items()), 8),
        read_images([("all.zip", zipped(backwards))], 8),
        read_images([("ALL.ZIP", zipped(GOOD, zipfile.ZIP_STORED))], 8),
        read_images([("no ending", zipped(GOOD))], 8),
    ]
    assert len({fingerprint(gathered.array) for gathered in read}) == 1


def test_zips_and_single_files_are_read_as_one_dataset() -> None:
    first, second, third = (dict(list(GOOD.items())[begin : begin + 6]) for begin in (0, 6, 12))
    gathered = read_images([("b.zip", zipped(second)), ("a.zip", zipped(third)), *first.items()], 8)
    np.testing.assert_array_equal(gathered.array, noise_images(16))


@pytest.mark.parametrize("shape", [(24, 8), (8, 24), (25, 8), (8, 9)])
def test_a_picture_is_cropped_to_its_middle(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(2).integers(0, 256, shape, np.uint8)
    top, left = (shape[0] - 8) // 2, (shape[1] - 8) // 2
    np.testing.assert_array_equal(read_one(encoded(picture), 8), picture[top : top + 8, left : left + 8])


def test_a_large_picture_is_reduced_by_averaging() -> None:
    checkers = ((np.indices((280, 280)).sum(0) % 2) * 255).astype(np.uint8)
    assert np.abs(read_one(encoded(checkers), 28).astype(int) - 127.5).max() < 3
    blocks = np.kron(noise_images(1)[0] // 2 + 64, np.ones((64, 64), np.uint8))
    small = read_one(encoded(blocks), 8).astype(int)
    assert np.abs(small - (noise_images(1)[0] // 2 + 64)).mean() < 12  # LANCZOS sharpens a little
    assert np.corrcoef(small.ravel(), noise_images(1)[0].ravel())[0, 1] > 0.95


def test_a_small_picture_is_enlarged_smoothly() -> None:
    ramp = np.tile(np.arange(0, 160, 10, np.uint8), (16, 1))
    large = read_one(encoded(ramp), 64).astype(int)
    assert (np.diff(large, axis=1) >= 0).all()
    assert (large == large[0]).all()
    assert np.abs(large[0, [0, -1]] - [0, 150]).max() <= 2
    assert 1 < len(set(np.diff(large[0, 4:-4]))) < 5  # even steps, no plateaus of four


def as_jpeg(picture: Any, **options: Any) -> bytes:
    return encoded(picture, "JPEG", quality=100, subsampling=0, **options)


def test_colours_are_converted_to_luminance() -> None:
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[:, :4], colours[:, 4:] = (255, 0, 0), (10, 200, 30)
    grey = np.repeat([[76, 124]], 4).reshape(1, 8).repeat(8, 0)  # 0.299 R + 0.587 G + 0.114 B
    np.testing.assert_array_equal(read_one(encoded(colours), 8), grey)
    large = np.kron(colours, np.ones((32, 32, 1), np.uint8))  # large enough to be decoded at a fraction of its size
    assert np.abs(read_one(as_jpeg(large), 8).astype(int)[:, [0, 7]] - grey[:, [0, 7]]).max() <= 3
    cmyk = Image.fromarray(colours).convert("CMYK")
    assert np.abs(read_one(as_jpeg(cmyk), 8).astype(int) - grey).max() <= 3
    palette = Image.fromarray(colours).quantize(4)
    assert palette.mode == "P"
    assert np.abs(read_one(encoded(palette), 8).astype(int) - grey).max() <= 1


def test_grey_and_progressive_jpegs_are_read() -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    for options in ({}, {"progressive": True}):
        assert np.abs(read_one(as_jpeg(ramp, **options), 64).astype(int) - ramp).max() <= 2


def test_sixteen_bit_pictures_are_scaled_to_eight_bits() -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    content = encoded(Image.fromarray(levels))
    assert content[24] == 16  # bits, according to the header
    np.testing.assert_array_equal(read_one(content, 256), np.round(levels / 257).astype(np.uint8))


def test_one_bit_pictures_are_read() -> None:
    bits = noise_images(1)[0] > 127
    content = encoded(Image.fromarray(bits))
    assert content[24] == 1
    np.testing.assert_array_equal(read_one(content, 8), bits * 255)


def transparent(mode: str) -> bytes:
    """Return a picture of this mode whose left half is opaque black and whose right half is transparent."""
    ink = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    ink.paste((0, 0, 0, 255), (0, 0, 4, 8))
    if mode in ("RGBA", "LA"):
        return encoded(ink.convert(mode))
    flat = Image.fromarray(np.repeat([[0, 7]], 4).reshape(1, 8).repeat(8, 0).astype(np.uint8))
    if mode == "P":
        flat.putpalette([0, 0, 0] * 256)
        return encoded(flat, transparency=bytes([255] * 7 + [0]))
    return encoded(flat.convert(mode), transparency=7 if mode == "L" else (7, 7, 7))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_transparent_pixels_become_white(mode: str) -> None:
    np.testing.assert_array_equal(read_one(transparent(mode), 8), np.repeat([[0, 255]], 4).reshape(1, 8).repeat(8, 0))


def test_half_transparent_pixels_are_blended_with_white() -> None:
    assert np.abs(read_one(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 128))), 8).astype(int) - 127).max() <= 1


def test_only_the_first_frame_of_an_animation_is_read() -> None:
    first, second = (Image.fromarray(picture) for picture in noise_images(2))
    content = encoded(first, save_all=True, append_images=[second])
    with Image.open(io.BytesIO(content)) as animation:
        assert animation.n_frames == 2
    np.testing.assert_array_equal(read_one(content, 8), noise_images(1)[0])


UPRIGHT: dict[
    int, Callable[[NDArray[Any]], NDArray[Any]]
] = {  # EXIF 2.3, tag 274: from the stored picture to the upright one
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_exif_orientation_is_applied(orientation: int) -> None:
    stored, exif = noise_images(1)[0], Image.Exif()
    exif[274] = orientation
    other = b"II*\0" + struct.pack("<IHHHII", 8, 1, 274, 3, 1, orientation)  # Pillow writes the other byte order
    for written in (exif, other):
        np.testing.assert_array_equal(read_one(encoded(stored, exif=written), 8), UPRIGHT[orientation](stored))
    large = np.kron(stored // 2 + 64, np.ones((32, 32), np.uint8))
    shown, plain = read_one(as_jpeg(large, exif=exif), 8), read_one(as_jpeg(large), 8)
    assert np.abs(shown.astype(int) - UPRIGHT[orientation](plain)).max() <= 2


TAG = b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"  # orientation 6, a quarter turn
NO_EXIF = [b"", b"no EXIF", b"MM\0*", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"x" * 100, TAG]


@pytest.mark.parametrize("exif", [*NO_EXIF, b"MM\0*\0\0\0\x08\0\x01" + TAG[:9], b"II*\0\x08\0\0\0\x01\0" + TAG])
def test_a_damaged_exif_is_ignored_without_a_warning(exif: bytes) -> None:
    """One warning for each of thousands of tags would fill a server's log."""
    png, photo = encoded(noise_images(1)[0]), encoded(noise_images(1)[0], "JPEG")
    np.testing.assert_array_equal(read_one(png[:33] + chunk(b"eXIf", exif) + png[33:], 8), noise_images(1)[0])
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    np.testing.assert_array_equal(read_one(photo[:2] + segment + photo[2:], 8), read_one(photo, 8))


def test_metadata_and_later_frames_do_not_change_the_pixels() -> None:
    first, second = map(Image.fromarray, noise_images(2))
    texts = PngInfo()
    texts.add_text("text", "x" * 900_000, zip=True)
    png = encoded(first, pnginfo=texts, icc_profile=bytes(9000), save_all=True, append_images=[second])
    assert all(name in png for name in (b"zTXt", b"iCCP", b"acTL", b"fdAT"))
    np.testing.assert_array_equal(read_one(png, 8), noise_images(1)[0])
    cmyk = first.convert("CMYK")
    photo = encoded(cmyk, "JPEG", exif=b"Exif\0\0" + bytes(99), icc_profile=bytes(9000), comment=b"text")
    plain = read_one(encoded(cmyk, "JPEG"), 8)
    np.testing.assert_array_equal(read_one(photo, 8), plain)
    np.testing.assert_array_equal(read_one(photo[:2] + b"\xff\xff\xff" + photo[2:], 8), plain)  # fill bytes


@pytest.mark.parametrize("name", ["transparency", "exif", "bbox", "interlace", "icc_profile", "default_image"])
def test_a_text_named_like_an_entry_of_pillows_info_raises_nothing(name: str) -> None:
    """Pillow keeps texts and its own entries, such as the transparent colour, in one dictionary."""
    png, text = GOOD["good/00.png"], chunk(b"tEXt", name.encode() + b"\0text")
    survives([("a.png", png[:33] + text + png[33:]), *GOOD.items()])


def test_progress_is_reported_before_each_file() -> None:
    reports: list[tuple[int, int]] = []
    read_images([("a.zip", zipped(GOOD)), ("b.txt", b"text")], 8, lambda *now: reports.append(now))
    assert reports == [(done, 17) for done in range(17)]


# Numbers of pictures -----------------------------------------------------------------------------------------


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


def test_only_the_first_twenty_thousand_pictures_are_used() -> None:
    black, white = (encoded(np.full((8, 8), level, np.uint8)) for level in (0, 255))
    files = {f"{index:05}.png": black for index in range(20_000)}
    gathered = read_images([("a.zip", zipped({"z.png": white, **files}, zipfile.ZIP_STORED))], 8)
    assert gathered.notes[0] == (
        "Only the first 20,000 pictures by name are used: the limit is 20,000 pictures or 2,000 million pixels."
    )
    assert gathered.array.shape == (20_000, 8, 8)
    assert gathered.array.max() == 0
    assert gathered.refusals == ()


def test_the_limit_itself_is_not_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_images, "MOST_PICTURES", 16)
    gathered = read_images([*GOOD.items(), ("z.txt", b"text")], 8)
    assert (len(gathered.array), gathered.notes, len(gathered.refusals)) == (16, (), 1)
    gathered = read_images([*GOOD.items(), ("y.txt", b"text"), ("z.png", GOOD["good/00.png"])], 8)
    assert (len(gathered.array), len(gathered.notes), len(gathered.refusals)) == (16, 1, 1)


# Pictures that are refused -----------------------------------------------------------------------------------


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
    bomb = with_chunks(chunk(kind, b"a\0\0" + zlib.compress(bytes(2**28))))
    tracemalloc.start()
    assert refusal_of("text.png", bomb) == "text.png is damaged or incomplete."
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_an_exif_whose_tags_share_their_bytes_is_read_in_bounded_memory() -> None:
    """Each of 65,535 tags claims the whole block: 50 GB, if they were all read."""
    tags = b"".join(struct.pack(">HHII", tag, 1, 2**19, 8) for tag in range(65_535))
    bomb = with_chunks(chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + tags))
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


# Zips ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../up.png",
        "good/../../up.png",
        "/etc/up.png",
        "..\\up.png",
        "good\\..\\..\\up.png",
        "\\\\server\\up.png",
        "C:\\up.png",
        "c:up.png",
        "..",
    ],
)
def test_a_path_that_leads_out_of_the_zip_is_refused(name: str) -> None:
    assert refusal_of(name, encoded(noise_images(1)[0])) == f"{name} has a name that leads out of the zip."


@pytest.mark.parametrize("name", ["a/b/c/1.png", "a\\b\\1.png", "a..b/1..png", "1", "größe/猫.png"])
def test_unusual_but_harmless_names_are_read(name: str) -> None:
    gathered = read_images([("a.zip", zipped({name: encoded(noise_images(1)[0]), **GOOD}))], 8)
    assert (len(gathered.array), gathered.refusals) == (17, ())


@pytest.mark.parametrize(
    "name", ["__MACOSX/good/._00.png", "__MACOSX/00.png", ".DS_Store", "good/.hidden", ".git/x.png", "folder/"]
)
def test_hidden_files_in_a_zip_are_skipped(name: str) -> None:
    gathered = read_images([("a.zip", zipped({name: b"" if name[-1] == "/" else b"text", **GOOD}))], 8)
    assert (len(gathered.array), gathered.refusals) == (16, ())


def test_a_refusal_shows_a_file_name_on_one_short_line() -> None:
    message = refusal_of("a\n\x1b[31m\u202e" + "x" * 60_000, b"text")
    assert len(message) <= 80 + len(f" {NO_PICTURE}.")
    assert message.isprintable()


def directory_entry(content: bytes, name: str) -> int:
    """Return the position of an entry in the directory at a zip's end."""
    return content.rindex(name.encode()) - 46


def patched(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def refusal_in(content: bytes) -> str:
    gathered = read_images([("a.zip", content)], 8)
    (refusal,) = gathered.refusals
    assert len(gathered.array) == 16
    return refusal


def test_an_encrypted_file_is_refused() -> None:
    content = zipped({"secret.png": b"text", **GOOD})
    content = patched(content, directory_entry(content, "secret.png") + 8, b"\x01")
    assert refusal_in(content) == "secret.png is encrypted."


def test_a_symbolic_link_is_refused() -> None:
    file = io.BytesIO(zipped(GOOD))
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refusal_in(file.getvalue()) == "link.png is a link to another file."


def test_a_zip_in_a_zip_is_refused() -> None:
    inner = zipped({"more.png": bytes(1000), **GOOD})
    assert refusal_of("broken.zip", b"text") == "broken.zip is a zip inside a zip, which is not opened."
    assert refusal_of("inner.ZIP", inner) == "inner.ZIP is a zip inside a zip, which is not opened."


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(compression: int) -> None:
    """Python unpacks these without limit in one call: 40 kB could become gigabytes."""
    file = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(file, "a", compression) as archive:
        archive.writestr("one.png", bytes(1_000_000))
    assert refusal_in(file.getvalue()) == ("one.png is compressed in an unusual way; make an ordinary zip (deflate).")


BOMB = zipped({"bomb.png": bytes(60 * 2**20), **GOOD})


def peak(content: bytes) -> tuple[Gathered, int]:
    """Read a zip; return what was read and the peak of Python's memory meanwhile."""
    tracemalloc.start()
    gathered = read_images([("a.zip", content)], 8)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return gathered, most


def test_unpacking_a_zip_bomb_stops_at_the_limit() -> None:
    assert len(BOMB) < 70_000
    gathered, most = peak(BOMB)
    assert gathered.refusals == ("bomb.png unpacks to more than 24 MB, too much for a picture of its compressed size.",)
    assert len(gathered.array) == 16
    assert most < 40 * 2**20


@pytest.mark.parametrize("claimed", [0, 100, 2**32 - 2])
def test_a_zip_bomb_with_a_false_size_is_refused(claimed: int) -> None:
    at = directory_entry(BOMB, "bomb.png") + 24
    assert struct.unpack("<I", BOMB[at : at + 4]) == (60 * 2**20,)
    gathered, most = peak(patched(BOMB, at, struct.pack("<I", claimed)))
    assert gathered.refusals[0].startswith("bomb.png ")
    assert len(gathered.array) == 16
    assert most < 40 * 2**20


def test_the_limit_of_unpacked_bytes_counts_all_zips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_archive, "MAX_UNPACKED", 2**20)
    half = np.random.default_rng(1).bytes(2**19)
    read = zipped({"x": half, **GOOD}), zipped({"y": half, **GOOD})
    assert len(read_images([("a.zip", read[0])], 8).array) == 16
    with pytest.raises(DataError, match=r"^The zip unpacks to more than 1 MB, which is the limit\."):
        read_images([("a.zip", read[0]), ("b.zip", read[1])], 8)


def test_the_bytes_of_a_damaged_entry_count_towards_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_archive, "MAX_UNPACKED", 2**20)
    content = zipped({"broken.png": np.random.default_rng(1).bytes(2**20 + 2**17), **GOOD})
    content = patched(content, directory_entry(content, "broken.png") + 16, b"\xee\xee")  # the checksum
    with pytest.raises(DataError, match=r"^The zip unpacks to more than 1 MB"):
        read_images([("a.zip", content)], 8)


def test_entries_that_share_their_bytes_each_count_towards_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of names may share one file's bytes."""
    monkeypatch.setattr(own_archive, "MAX_UNPACKED", 2**20)
    content = zipped({"a.png": np.random.default_rng(1).bytes(2**16), "b.png": b""})
    start, end = content.index(own_archive.DIRECTORY_ENTRY), content.rindex(b"PK\x05\x06")
    entry = content[start : content.index(own_archive.DIRECTORY_ENTRY, start + 1)]
    record = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 17, 17, 17 * len(entry), start, 0)
    assert end > start
    # From Python 3.13 on, its zipfile itself refuses such entries.
    with pytest.raises(DataError, match=r"^The zip unpacks to more than 1 MB|a\.png is damaged inside the zip"):
        read_images([("a.zip", content[:start] + entry * 17 + record)], 8)


def test_too_many_entries_are_refused_before_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_archive, "MAX_ENTRIES", 20)
    few, many = (zipped({**GOOD, **{f"folder{index}/": b"" for index in range(count)}}) for count in (4, 5))
    assert len(read_images([("a.zip", few)], 8).array) == 16
    message = r"^The zip contains more than 20 files and folders, which is the limit\.$"
    with pytest.raises(DataError, match=message):
        read_images([("a.zip", few), ("b.zip", zipped({"one.png": b""}))], 8)
    monkeypatch.setattr("zipfile.ZipFile", None)
    with pytest.raises(DataError, match=message):
        read_images([("a.zip", many)], 8)


@pytest.mark.parametrize("part", ["header", "lengths", "name", "content", "checksum", "place"])
def test_a_damaged_entry_does_not_affect_the_others(part: str) -> None:
    content = zipped({"broken.png": encoded(noise_images(1, 30)[0]), **GOOD})
    entry = directory_entry(content, "broken.png")
    at = {"header": 0, "lengths": 26, "name": 30, "content": 45, "checksum": entry + 16, "place": entry + 42}[part]
    assert refusal_in(patched(content, at, b"\xee\xee")) == "broken.png is damaged inside the zip."


# Arbitrary files ---------------------------------------------------------------------------------------------


def survives(files: list[tuple[str, bytes]]) -> None:
    """Check that the files give pictures or a DataError, whose sentences can be printed."""
    try:
        gathered = read_images(files, 8)
    except DataError as error:
        message: tuple[str, ...] = (str(error),)
    else:
        message = gathered.refusals
        assert gathered.array.dtype == np.uint8
        assert gathered.array.shape == (len(gathered.array), 8, 8)
    assert all(sentence.isprintable() for sentence in message)


MUTATIONS = st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=8)


def mutated(content: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    """Return the content with some bytes replaced by others, possibly of another length."""
    for at, new, dropped in changes:
        at %= len(content) + 1
        content = content[:at] + new + content[at + dropped :]
    return content


STARTS = st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])


@given(st.lists(st.tuples(st.sampled_from(["a.zip", "a.png", "a"]), STARTS, st.binary(max_size=200)), max_size=4))
@settings(max_examples=200)
def test_random_bytes_give_pictures_or_a_data_error(files: list[tuple[str, bytes, bytes]]) -> None:
    survives([(name, start + content) for name, start, content in files])


SMALL_ZIP = zipped({**GOOD, "a/photo.jpg": encoded(noise_images(1)[0], "JPEG"), "b/": b"", "notes.txt": b"text" * 99})


@given(MUTATIONS)
@settings(max_examples=200)
def test_damaged_zips_give_pictures_or_a_data_error(changes: list[tuple[int, bytes, int]]) -> None:
    survives([("a.zip", mutated(SMALL_ZIP, changes))])


FILES = [
    encoded(Image.fromarray(noise_images(1, 20)[0]).quantize(8), transparency=3),
    encoded(Image.fromarray(noise_images(1, 20)[0]), save_all=True, append_images=[Image.new("L", (20, 20))]),
    encoded(noise_images(1, 20)[0], "JPEG", progressive=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"),
    encoded(Image.fromarray(noise_images(1, 20)[0]).convert("CMYK"), "JPEG"),
]


@given(st.sampled_from(FILES), MUTATIONS)
@settings(max_examples=300)
def test_damaged_pictures_give_pictures_or_refusals(content: bytes, changes: list[tuple[int, bytes, int]]) -> None:
    survives([("a", mutated(content, changes)), *GOOD.items()])
