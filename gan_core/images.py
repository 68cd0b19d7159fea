"""Samples → one picture file. Numpy alone: the page uses it too."""

import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

GROUND, INK = 24, 150  # grey levels: of a plane without points, and what each point adds to it


def image_grid(pictures: NDArray[np.float32], columns: int, gap: int = 2) -> NDArray[np.uint8]:
    """Pictures ``[n, height, width]`` in [-1, 1] → one grey picture, row by row, ``gap`` black pixels between.

    NaN, which a broken generator makes, shows as black.
    """
    count, height, width = pictures.shape
    rows = -(-count // columns)
    grid = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap), np.uint8)
    levels = np.nan_to_num((pictures + 1) * 127.5, nan=0.0).clip(0, 255).round().astype(np.uint8)
    for index, picture in enumerate(levels):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        grid[top : top + height, left : left + width] = picture
    return grid


def points_image(points: NDArray[np.float32], side: int = 256, dot: int = 2) -> NDArray[np.uint8]:
    """Points ``[n, 2]`` of the plane → one grey picture of [-1, 1]², y = 1 at the top, bright where they gather.

    Each is a square of ``dot`` pixels. A point outside is drawn at the border; one that is NaN is not drawn.
    """
    places = (points[np.isfinite(points).all(axis=1)] + 1) * ((side - 1) / 2)
    column, row = places.round().clip(0, side - 1).astype(np.intp).T
    levels = np.full((side + dot - 1, side + dot - 1), GROUND, np.int64)
    for right in range(dot):
        for down in range(dot):
            np.add.at(levels, (side - 1 - row + down, column + right), INK)
    margin = (dot - 1) // 2
    return levels[margin : margin + side, margin : margin + side].clip(0, 255).astype(np.uint8)


def drawable(shape: tuple[int, ...]) -> bool:
    """Whether samples of this shape are pictures ``(height, width)`` or points of the plane ``(2,)``."""
    return len(shape) == 2 or shape == (2,)


def samples_png(samples: NDArray[np.float32], columns: int = 0, scale: int = 1) -> bytes:
    """Samples in [-1, 1] as one PNG: pictures ``[n, height, width]`` in a grid, points ``[n, 2]`` as one plane.

    ``columns`` of the grid: 0 makes it about square. ValueError if the samples are neither.
    """
    shape = samples.shape[1:]
    if not drawable(shape):
        raise ValueError(f"samples of shape {shape} cannot be drawn; they should be pictures or points of the plane")
    if shape == (2,):
        return png(points_image(samples), scale)
    return png(image_grid(samples, columns or math.ceil(math.sqrt(len(samples)))), scale)


def png(grid: NDArray[np.uint8], scale: int = 1) -> bytes:
    """A PNG file of a grey picture ``[height, width]``, each pixel ``scale`` pixels wide.

    By hand, for a page that is sent one four times a second: Pillow tries five filters for each row, and zlib's usual
    search finds little in noise; both together take four times as long, for a file of the same size.
    https://www.w3.org/TR/png-3/
    """
    if scale > 1:
        grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = grid.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each begins with its filter: none
    rows[:, 1:] = grid
    packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # eight bits of grey a pixel, not interlaced
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", packer.compress(rows.tobytes()) + packer.flush()),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
