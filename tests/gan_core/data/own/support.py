"""Helpers of the tests of own pictures: good files, and files that Pillow would not write."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from gan_core.data.own.images import read_images
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
