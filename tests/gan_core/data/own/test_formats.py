"""Pictures as phones, cameras and programs write them: what Pillow reads under the limits is read."""

import io
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gan_core.data.errors import DataError
from gan_core.data.own.images import read_images
from gan_core.images import samples_png
from tests.gan_core.support import encoded, noise_images, zipped

SIDE = 16
PICTURES = noise_images(16, SIDE)
GREY = Image.fromarray(PICTURES[0])
COLOURS = Image.fromarray(np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8))


def read_all(contents: list[bytes], name: str = "{:02}") -> NDArray[Any]:
    """Read 16 files, none of which may be refused."""
    gathered = read_images([(name.format(index), content) for index, content in enumerate(contents)], SIDE)
    assert gathered.refusals == ()
    assert len(gathered.array) == len(contents)
    return gathered.array


def read_one(content: bytes) -> NDArray[Any]:
    return read_all([content] * 16)[0]


def refusal_of(content: bytes) -> str:
    good = {f"b/{index}": encoded(picture) for index, picture in enumerate(PICTURES)}
    (refusal,) = read_images([("a.zip", zipped({"a": content, **good}))], SIDE).refusals
    return refusal


# JPEG ----------------------------------------------------------------------------------------------------------

PHOTOS = [encoded(picture, "JPEG") for picture in PICTURES]
PLAIN = read_all(PHOTOS)
SCAN = PHOTOS[0][PHOTOS[0].index(b"\xff\xda") :]

FILMS = {  # what may follow a JPEG's end
    "a film": b"\0\0\0\x18ftypmp42" + np.random.default_rng(4).bytes(50_000),
    "a film with many scan markers": b"\0\0\0\x18ftypmp42" + b"\xff\xda\x01\0" * 500,
    "a film of JPEGs": b"AVI LIST" + b"".join(PHOTOS) * 5,
    "other scans": SCAN * 100,
    "further pictures": PHOTOS[1] * 40,
    "progressive pictures": encoded(PICTURES[1], "JPEG", progressive=True) * 5,
    "zeros": bytes(4096),
    "a text": b"SEFH" + b"\0camera\r\n" * 20,
}


@pytest.mark.parametrize("film", FILMS)
@pytest.mark.parametrize("progressive", [False, True])
def test_bytes_after_a_jpegs_end_are_ignored(film: str, progressive: bool) -> None:
    photos = [encoded(picture, "JPEG", progressive=progressive) for picture in PICTURES]
    np.testing.assert_array_equal(read_all([photo + FILMS[film] for photo in photos]), read_all(photos))


def segments(jpeg: bytes) -> Iterator[int]:
    """Yield the places after the first, where a segment begins, up to the first scan."""
    at = 2
    while jpeg[at + 1] != 0xDA:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield at


@pytest.mark.parametrize(
    "stray", [b"\0", b"\0\0\0", b"junk", b"\xff", b"\xff\xff\xff\xff", b"\xff\0", b"\n\r\n", b"\xd9\xda"]
)
def test_stray_bytes_between_a_jpegs_segments_are_ignored(stray: bytes) -> None:
    for at in segments(PHOTOS[0]):
        np.testing.assert_array_equal(read_one(PHOTOS[0][:at] + stray + PHOTOS[0][at:]), PLAIN[0])


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xe1\0\2", b"\xff\xe1\0\0", b"\xff\xe0\0\1", b"\xff\xfe\0\2", b"\xff\xef\0\x06\xff\xd9\xff\xda",
        b"\xff\xfe\0\x0e" + b"\xff\xda\0\x08\x01\x01" * 2,
    ],
)  # fmt: skip
def test_empty_segments_and_markers_inside_one_are_ignored(segment: bytes) -> None:
    np.testing.assert_array_equal(read_one(PHOTOS[0][:2] + segment + PHOTOS[0][2:]), PLAIN[0])


def test_scans_behind_an_embedded_preview_are_counted() -> None:
    """The preview in a photo's EXIF has an end of its own."""
    photo = encoded(PICTURES[0], "JPEG", progressive=True, exif=b"Exif\0\0" + PHOTOS[1])
    assert b"\xff\xd9" in photo[: photo.index(b"\xff\xc2")]
    last = photo[photo.rindex(b"\xff\xda") : -2]
    assert read_one(photo).shape == (SIDE, SIDE)
    assert refusal_of(photo[:-2] + last * 31 + photo[-2:]) == ("a has more than 30 scans, which no ordinary JPEG has.")


@pytest.mark.parametrize("progressive", [False, True])
def test_the_restart_markers_of_cameras_end_no_scan(progressive: bool) -> None:
    photo = encoded(PICTURES[0], "JPEG", progressive=progressive, restart_marker_blocks=1)
    assert b"\xff\xd0" in photo
    np.testing.assert_array_equal(read_one(photo), PLAIN[0])


def test_a_file_of_several_jpegs_gives_its_first() -> None:
    first, second = Image.fromarray(PICTURES[0]), Image.fromarray(PICTURES[1])
    content = encoded(first, "MPO", save_all=True, append_images=[second])
    assert b"MPF\0" in content
    np.testing.assert_array_equal(read_one(content), PLAIN[0])


# Other formats -------------------------------------------------------------------------------------------------


def quantized() -> Image.Image:
    return COLOURS.quantize(16)


FORMATS: dict[str, tuple[Image.Image, dict[str, Any]]] = {  # a format, and what is written in it without a loss
    "BMP 1": (GREY.convert("1"), {"kind": "BMP"}),
    "BMP 8": (GREY, {"kind": "BMP"}),
    "BMP palette": (quantized(), {"kind": "BMP"}),
    "BMP 24": (COLOURS, {"kind": "BMP"}),
    "BMP 32": (COLOURS.convert("RGBA"), {"kind": "BMP"}),
    "WebP": (COLOURS, {"kind": "WEBP", "lossless": True}),
    "WebP alpha": (COLOURS.convert("RGBA"), {"kind": "WEBP", "lossless": True}),
    "WebP animated": (COLOURS, {"kind": "WEBP", "lossless": True, "save_all": True, "append_images": [GREY]}),
    "GIF": (GREY, {"kind": "GIF"}),
    "GIF palette": (quantized(), {"kind": "GIF"}),
    "GIF animated": (GREY, {"kind": "GIF", "save_all": True, "append_images": [Image.fromarray(PICTURES[1])]}),
    "TIFF": (COLOURS, {"kind": "TIFF"}),
    "TIFF LZW": (COLOURS, {"kind": "TIFF", "compression": "tiff_lzw"}),
    "TIFF 1": (GREY.convert("1"), {"kind": "TIFF", "compression": "group4"}),
    "TIFF of pages": (GREY, {"kind": "TIFF", "save_all": True, "append_images": [Image.fromarray(PICTURES[1])]}),
    "PGM": (GREY, {"kind": "PPM"}),
    "PPM": (COLOURS, {"kind": "PPM"}),
    "PBM": (GREY.convert("1"), {"kind": "PPM"}),
    "BMP without its first header": (COLOURS, {"kind": "DIB"}),
    "TIFF for large files": (COLOURS, {"kind": "TIFF", "big_tiff": True}),
    "JPEG 2000": (COLOURS, {"kind": "JPEG2000"}),
    "JPEG 2000 alone": (GREY, {"kind": "JPEG2000", "no_jp2": True}),
    "PNG animated": (GREY, {"kind": "PNG", "save_all": True, "append_images": [Image.fromarray(PICTURES[1])]}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_is_the_same_in_every_format(name: str) -> None:
    picture, options = FORMATS[name]
    np.testing.assert_array_equal(read_one(encoded(picture, **options)), np.asarray(picture.convert("L")))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM"])
def test_bytes_after_the_end_of_another_format_are_ignored(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(GREY.convert("RGB"), kind, **options)
    for film in FILMS.values():
        np.testing.assert_array_equal(read_one(content + film), read_one(content))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_pictures_with_a_loss_are_nearly_the_same(kind: str) -> None:
    ramp = np.tile(np.linspace(0, 255, SIDE).astype(np.uint8), (SIDE, 1))
    content = encoded(Image.fromarray(ramp).convert("RGB"), kind, quality=95)
    assert np.abs(read_one(content).astype(int) - ramp).max() <= 8


@pytest.mark.parametrize("content", [b"P2\n# a comment\n16 16\n255\n", b"P2 16 16 65535 "])
def test_a_picture_of_numbers_as_text_is_read(content: bytes) -> None:
    most = int(content.split()[-1])
    levels = PICTURES[0].astype(int) * (most // 255)
    np.testing.assert_array_equal(read_one(content + " ".join(map(str, levels.ravel())).encode()), PICTURES[0])


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "PPM"])
def test_sixteen_bits_are_scaled_to_eight_in_every_format(kind: str) -> None:
    levels = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) * 257
    picture = Image.fromarray(levels if kind != "PPM" else levels.astype(np.int32))
    content = encoded(picture, kind)
    np.testing.assert_array_equal(read_one(content), np.arange(SIDE * SIDE).reshape(SIDE, SIDE))


def test_big_endian_tiffs_of_sixteen_bits_are_read() -> None:
    levels = np.arange(SIDE * SIDE, dtype=">u2").reshape(SIDE, SIDE) * 257
    picture = Image.frombytes("I;16B", (SIDE, SIDE), levels.astype(">u2").tobytes())
    content = encoded(picture, "TIFF")
    np.testing.assert_array_equal(read_one(content), np.arange(SIDE * SIDE).reshape(SIDE, SIDE))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_pictures_of_more_than_sixteen_bits_are_refused(dtype: type) -> None:
    content = encoded(Image.fromarray(PICTURES[0].astype(dtype)), "TIFF")
    assert refusal_of(content) == "a has more than 16 bits a pixel: save it with 8 or 16."


def test_the_lightness_of_a_lab_picture_is_its_grey() -> None:
    lab = Image.merge("LAB", [GREY, Image.new("L", GREY.size, 9), Image.new("L", GREY.size, 99)])
    np.testing.assert_array_equal(read_one(encoded(lab, "TIFF")), PICTURES[0])


def test_transparent_parts_are_white_in_every_format() -> None:
    ink = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    ink.paste((0, 0, 0, 255), (0, 0, SIDE // 2, SIDE))
    right = np.repeat([[0, 255]], SIDE // 2).reshape(1, SIDE).repeat(SIDE, 0)
    for kind, options in (("WEBP", {"lossless": True}), ("GIF", {}), ("TIFF", {}), ("PNG", {})):
        np.testing.assert_array_equal(read_one(encoded(ink, kind, **options)), right)


def test_the_orientation_is_applied_in_every_format_that_has_one() -> None:
    exif = Image.Exif()
    exif[274] = 6
    for kind, options in (("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})):
        content = encoded(COLOURS, kind, exif=exif, **options)
        np.testing.assert_array_equal(read_one(content), np.rot90(np.asarray(COLOURS.convert("L")), -1))


@pytest.mark.parametrize(
    "name", ["{}.jfif", "{}.JPG", "{}.jpe", "{}", "{}.png", "{}.JPEG.bak", "IMG ({}).jpg", "größe/{}.jfif"]
)
def test_a_files_name_says_nothing_about_its_format(name: str) -> None:
    np.testing.assert_array_equal(np.sort(read_all(PHOTOS, name), 0), np.sort(PLAIN, 0))


@pytest.mark.parametrize(
    ("width", "height", "content"),
    [
        (9000, 9000, lambda w, h: b"BM" + struct.pack("<IIIIiiHH24x", 54, 0, 54, 40, w, h, 1, 24)),
        (9000, 9000, lambda w, h: b"GIF89a" + struct.pack("<HHBBB", w, h, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\0;"),
        (9000, 9000, lambda w, h: b"P5 %d %d 255\n" % (w, h)),
        (9000, 9000, lambda w, h: b"P1 %d %d\n" % (w, h)),
    ],
)
def test_too_many_pixels_are_refused_before_they_are_decoded(
    width: int, height: int, content: Callable[[int, int], bytes]
) -> None:
    assert refusal_of(content(width, height)) == "a has 9,000×9,000 pixels; the limit is 40 million."


# Own samples ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 28, 28), (9, 2)])
def test_samples_that_this_program_wrote_are_refused(shape: tuple[int, ...]) -> None:
    samples = np.zeros(shape, np.float32)
    for scale in (1, 3):
        assert refusal_of(samples_png(samples, scale=scale)) == (
            "a was made by this program: a GAN should not learn from its own samples."
        )
    read_one(encoded(Image.open(io.BytesIO(samples_png(samples))).convert("L")))


# Degenerate pictures -------------------------------------------------------------------------------------------


def warned(pictures: list[Any], **options: Any) -> tuple[str, ...]:
    files = [(f"{index:02}.png", encoded(picture, **options)) for index, picture in enumerate(pictures)]
    gathered = read_images(files, 8)
    assert gathered.notes == ()
    return gathered.warnings


def even(level: int, mode: str = "L") -> Image.Image:
    return Image.new(mode, (9, 9), (level,) * len(mode) if len(mode) > 1 else level)


WHITENED = "Transparent parts become white: put white drawings on a dark background."


def test_ordinary_pictures_get_no_note() -> None:
    assert warned(list(PICTURES)) == ()
    assert warned([*PICTURES, PICTURES[3]]) == ()
    assert warned([picture[:4, :15] for picture in PICTURES]) == (), "not four times as long as wide"
    assert warned([picture // 4 + 100 for picture in noise_images(16, SIDE)] + [PICTURES[0] // 3]) == ()


@pytest.mark.parametrize(("level", "cure"), [(0, ""), (128, ""), (255, f" {WHITENED}")])
def test_equal_even_pictures_are_reported(level: int, cure: str) -> None:
    assert warned([even(level)] * 16) == (
        f"Every picture is the same even grey, level {level} of 255: choose pictures that show something.{cure}",
    )


def test_different_even_pictures_are_reported() -> None:
    assert warned([even(10 * step) for step in range(16)]) == (
        "Every picture is one even grey: choose pictures that show something.",
    )


def test_even_pictures_among_others_are_reported_and_named() -> None:
    assert warned([*PICTURES, even(0)]) == ("1 of 17 pictures, 16.png, is one even grey: leave it out.",)
    assert warned([*PICTURES, even(0), even(0)]) == (
        "2 of 18 pictures, such as 16.png, are one even grey: leave them out.",
    )
    assert warned([*PICTURES, even(255)]) == (f"1 of 17 pictures, 16.png, is one even grey: leave it out. {WHITENED}",)


def icons(ink: int) -> list[Image.Image]:
    """Return transparent icons with a drawing of this grey."""
    made = []
    for picture in PICTURES:
        icon = Image.new("RGBA", (SIDE, SIDE), (ink, ink, ink, 0))
        icon.putalpha(Image.fromarray(picture))
        made.append(icon)
    return made


def test_white_icons_on_nothing_are_reported_with_the_cure_and_dark_ones_are_not() -> None:
    (note,) = warned(icons(255))
    assert note.startswith("Every picture is the same even grey, level 255 of 255")
    assert note.endswith(WHITENED)
    assert warned(icons(0)) == ()


@pytest.mark.parametrize("span", [3, 25, 60])
def test_little_contrast_is_reported(span: int) -> None:
    levels = (PICTURES.astype(int) * span // 255 + 100).astype(np.uint8)
    (note,) = warned(list(levels))
    low, high = map(int, re.findall(r"from (\d+) to (\d+) of 255", note)[0])
    assert 95 <= low < high <= 105 + span
    assert note.endswith("so all look alike: increase their contrast before you upload them.")


def test_little_contrast_is_reported_although_a_few_pixels_are_black_and_white() -> None:
    levels = PICTURES // 8 + 100
    levels = np.kron(levels, np.ones((1, 3, 3), np.uint8))  # few are so large that no others are changed with one
    levels[0, :6, :6], levels[1, 9:15, 9:15] = 0, 255
    (note,) = warned(list(levels))
    assert note.startswith("Nearly all pixels have levels of grey from ")
    assert note.endswith(" of 255, so all look alike: increase their contrast before you upload them.")


def test_small_bright_drawings_on_black_have_contrast_enough() -> None:
    drawings = np.zeros((16, SIDE, SIDE), np.uint8)
    for index, drawing in enumerate(drawings):
        drawing[index, 3:6] = 200
    assert warned(list(drawings)) == ()


def test_twelve_bits_in_a_file_of_sixteen_are_reported_as_little_contrast() -> None:
    levels = PICTURES.astype(np.uint16) * 16
    (note,) = warned(list(levels), kind="TIFF")
    assert note.startswith("The pictures use only the levels of grey from 1 to 14 of 255")


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (8, 32), (100, 700)])
def test_narrow_strips_are_reported_with_their_size(shape: tuple[int, int]) -> None:
    strips = [np.random.default_rng(seed).integers(0, 256, shape, np.uint8) for seed in range(16)]
    size = f"{shape[1]:,}×{shape[0]:,}"
    assert warned(strips)[0] == (
        f"16 of 16 pictures, such as 00.png of {size} pixels, are a narrow strip, of which only the central square is"
        " used: crop what matters before you upload it."
    )
    assert warned([*PICTURES, strips[0]])[0].startswith(f"1 of 17 pictures, 16.png of {size} pixels, is a narrow strip")


def test_a_strip_decoded_at_a_fraction_of_its_size_is_named_with_its_own() -> None:
    strips = [np.random.default_rng(seed).integers(0, 256, (200, 1600), np.uint8) for seed in range(16)]
    assert "00.png of 1,600×200 pixels" in warned(strips, kind="JPEG")[0]


def test_few_different_pictures_are_reported() -> None:
    assert warned([*PICTURES[:3]] * 10) == (
        "The 30 pictures are copies of 3, and G learns no more than that: add others.",
    )
    assert warned([PICTURES[0]] * 16)[0].startswith("The 16 pictures are copies of one, ")


# Arbitrary files -----------------------------------------------------------------------------------------------

FILES = [encoded(picture, **options) for picture, options in FORMATS.values()]
FILES += [
    encoded(quantized(), transparency=3),
    encoded(COLOURS, "JPEG", progressive=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"),
    encoded(COLOURS.convert("CMYK"), "JPEG"),
]
FILES += [PHOTOS[0] + FILMS["a text"], encoded(COLOURS, "AVIF"), b"P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12 "]
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=6)


@given(st.sampled_from(FILES), CHANGES)
@settings(max_examples=300, deadline=None)
def test_damaged_files_of_every_format_are_read_or_refused(
    content: bytes, changes: list[tuple[int, bytes, int]]
) -> None:
    for at, new, dropped in changes:
        at %= len(content) + 1
        content = content[:at] + new + content[at + dropped :]
    good = [(f"b{index}", encoded(picture)) for index, picture in enumerate(PICTURES)]
    gathered = read_images([("a", content), *good], 8)
    assert len(gathered.array) + gathered.refused == 17
    assert all(sentence.isprintable() for sentence in (*gathered.refusals, *gathered.notes, *gathered.warnings))


def test_an_error_names_what_was_left_out_as_hidden() -> None:
    with pytest.raises(DataError, match=r"Hidden files and folders are left out: \.photos\.$"):
        read_images([("a.zip", zipped({f".photos/{index}.png": PHOTOS[0] for index in range(20)}))], 8)
