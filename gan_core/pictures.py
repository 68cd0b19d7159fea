"""Samples → one picture file. Numpy and Pillow alone: the page uses it too."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GROUND, INK = 24, 150  # grey levels: of a plane without points, and what each point adds to it


def picture_grid(pictures: NDArray[np.float32], columns: int, gap: int = 2) -> NDArray[np.uint8]:
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


def points_picture(points: NDArray[np.float32], side: int = 256, dot: int = 2) -> NDArray[np.uint8]:
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
        return png(points_picture(samples), scale)
    return png(picture_grid(samples, columns or math.ceil(math.sqrt(len(samples)))), scale)


def png(grid: NDArray[np.uint8], scale: int = 1, level: int = 1) -> bytes:
    """A PNG file of a grey picture, each pixel ``scale`` pixels wide; ``level`` is zlib's."""
    picture = Image.fromarray(grid)
    if scale > 1:
        picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=level)
    return file.getvalue()
