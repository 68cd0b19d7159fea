"""Uploaded pictures: how they are read."""

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_core.data.own.images import read_images
from gan_core.data.own.samples import fingerprint
from tests.gan_core.data.own.support import GOOD, chunk, read_one
from tests.gan_core.support import encoded, noise_images, zipped


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


def test_progress_is_reported_before_each_file() -> None:
    reports: list[tuple[int, int]] = []
    read_images([("a.zip", zipped(GOOD)), ("b.txt", b"text")], 8, lambda *now: reports.append(now))
    assert reports == [(done, 17) for done in range(17)]
