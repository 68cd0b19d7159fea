"""Samples → one image file. Without PyTorch: the page uses it too."""

import io
import math
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SOFTWARE = "gan-training-dashboard"  # says in a file of samples who made it, so that no run takes it for its data
GROUND, INK = 24, 150  # grey levels: of the empty background, and what each point adds to it
GREY_PALETTE = bytes(level for level in range(256) for _ in range(3))


def image_grid(images: NDArray[np.float32], columns: int, gap: int = 2) -> NDArray[np.uint8]:
    """Return images ``[n, height, width]`` in [-1, 1] as one grey image, row by row, with ``gap`` black pixels between.

    NaN, which a diverged generator makes, becomes black.
    """
    count, height, width = images.shape
    rows = -(-count // columns)
    tiles = np.zeros((rows * columns, height + gap, width + gap), np.uint8)
    tiles[:count, :height, :width] = np.nan_to_num((images + 1) * 127.5, nan=0.0).clip(0, 255).round()
    grid = tiles.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    return grid.reshape(rows * (height + gap), -1)[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


def points_image(points: NDArray[np.float32], side: int = 256, dot: int = 2) -> NDArray[np.uint8]:
    """Return points ``[n, 2]`` as one grey image of [-1, 1]², y = 1 at the top, bright where they gather.

    Each point is a square of ``dot`` pixels. A point outside is drawn at the border; one that is NaN is not drawn.
    """
    places = (points[np.isfinite(points).all(axis=1)] + 1) * ((side - 1) / 2)
    column, row = places.round().clip(0, side - 1).astype(np.intp).T
    levels = np.full((side + dot - 1, side + dot - 1), GROUND, np.int64)
    for down, right in np.ndindex(dot, dot):
        np.add.at(levels, (side - 1 - row + down, column + right), INK)
    margin = (dot - 1) // 2
    return levels[margin : margin + side, margin : margin + side].clip(0, 255).astype(np.uint8)


def drawable(shape: tuple[int, ...]) -> bool:
    """Return whether samples of this shape are images ``(height, width)`` or 2-D points ``(2,)``."""
    return len(shape) == 2 or shape == (2,)


def samples_image(samples: NDArray[np.float32], columns: int = 0) -> NDArray[np.uint8]:
    """Return samples in [-1, 1] as one grey image: images ``[n, height, width]`` in a grid, or 2-D points ``[n, 2]``.

    ``columns`` of the grid: 0 makes it about square. ValueError if the samples are neither.
    """
    shape = samples.shape[1:]
    if not drawable(shape):
        raise ValueError(f"samples of shape {shape} cannot be drawn; they should be images or points of 2-D data")
    if shape == (2,):
        return points_image(samples)
    return image_grid(samples, columns or math.ceil(math.sqrt(len(samples))))


def samples_png(samples: NDArray[np.float32], columns: int = 0, scale: int = 1) -> bytes:
    """Return ``samples_image`` as a PNG file, each pixel enlarged to ``scale`` × ``scale``."""
    return png(samples_image(samples, columns), scale, SOFTWARE)


def png(grid: NDArray[np.uint8], scale: int = 1, software: str = "") -> bytes:
    """Return the PNG file of a grey image ``[height, width]``, each pixel enlarged to ``scale`` × ``scale``.

    A page gets one four times a second. Of a grey image Pillow tries five filters for each row, which takes three times as
    long for a file of the same size; it filters none if the image has a palette.
    """
    if scale > 1:
        grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    picture = Image.fromarray(grid)
    picture.putpalette(GREY_PALETTE)
    file, texts = io.BytesIO(), PngInfo()
    if software:
        texts.add_text("Software", software)
    picture.save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE, pnginfo=texts)
    return file.getvalue()
