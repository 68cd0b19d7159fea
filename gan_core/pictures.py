"""Arrays of pictures → one picture file. Numpy and Pillow alone: the page uses it too."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


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


def png(grid: NDArray[np.uint8], scale: int = 1, level: int = 1) -> bytes:
    """A PNG file of a grey picture, each pixel ``scale`` pixels wide; ``level`` is zlib's."""
    picture = Image.fromarray(grid)
    if scale > 1:
        picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=level)
    return file.getvalue()
