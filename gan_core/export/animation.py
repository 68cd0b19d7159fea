"""The fakes of a run over time as one moving picture. Without PyTorch: the page uses it too."""

import io
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gan_core.images import SOFTWARE, samples_image

Format = Literal["gif", "webp"]
FORMATS: tuple[Format, ...] = ("gif", "webp")

FRAME = 150  # milliseconds; GIF counts in hundredths of a second
LEAST_WIDTH = 320  # pixels: smaller pictures are enlarged by whole numbers
LABEL_HEIGHT, LABEL_SIZE = 24, 15  # pixels
GROUND, INK = 24, 235  # grey levels of the label


def animation(frames: Sequence[tuple[int, NDArray[np.float32]]], format: Format) -> bytes:
    """Return an endless animation of fakes ``[n, *shape]`` in [-1, 1], each frame as long as the others.

    ``frames``: of each, the iteration, which is written below the fakes, and the fakes: images in a grid, or points of 2-D
    data. ValueError if there are none, if they are neither, or if their number or shape changes on the way.
    """
    if len({fakes.shape for _, fakes in frames}) != 1:
        raise ValueError("An animation needs frames of equally many fakes of one shape.")
    first, *others = (_frame(iteration, fakes) for iteration, fakes in frames)
    options = {"lossless": True} if format == "webp" else {"comment": SOFTWARE, "optimize": False}
    file = io.BytesIO()
    first.save(file, format.upper(), save_all=True, append_images=others, duration=FRAME, loop=0, **options)
    return file.getvalue()


def _frame(iteration: int, fakes: NDArray[np.float32]) -> Image.Image:
    """Return the fakes, enlarged, above their iteration."""
    picture = samples_image(fakes)
    scale = -(-LEAST_WIDTH // picture.shape[1])
    picture = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    frame = Image.fromarray(np.pad(picture, ((0, LABEL_HEIGHT), (0, 0)), constant_values=GROUND))
    place = (6, picture.shape[0] + LABEL_HEIGHT / 2)
    font = ImageFont.load_default(LABEL_SIZE)
    ImageDraw.Draw(frame).text(place, f"iteration {iteration:,}", fill=INK, font=font, anchor="lm")
    return frame
