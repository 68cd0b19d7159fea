"""Sentences about data from which a GAN can learn little, each with what would help. They stand beside the preview."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gan_core.data.own.refusals import FEWEST, printable
from gan_core.plurals import counted

FEW_LEVELS = 64  # of 256: less contrast than this is hardly seen
STRIP = 4  # times as long as wide: the central square is less than a quarter of the picture


def describe_pictures(pictures: NDArray[np.uint8], names: Sequence[str]) -> list[str]:
    """Return what is wrong with pictures ``[n, size, size]``: even ones, equal ones, and little contrast."""
    low, high = int(pictures.min()), int(pictures.max())
    if low == high:
        return [
            f"Every picture is the same even grey, level {low} of 255, so there is nothing to learn: choose others."
            " Transparent parts have become white; give white drawings a dark background."
        ]
    sentences = []
    flat = pictures.reshape(len(pictures), -1)
    even = np.flatnonzero(flat.min(1) == flat.max(1))
    if len(even):
        sentences.append(
            f"{_such_as(len(even), len(pictures), names[even[0]])} one even grey. Leave them out or, where transparent parts"
            " have become white, give them a dark background."
        )
    different = len({picture.tobytes() for picture in flat})
    if different < min(FEWEST, len(pictures)):
        sentences.append(
            f"Only {different} of the {len(pictures):,} pictures are different, so G can learn no more than those: add others."
        )
    if high - low < FEW_LEVELS:
        sentences.append(
            f"The pictures use only the levels of grey from {low} to {high} of 255, so all will look alike: increase their"
            " contrast before you upload them."
        )
    return sentences


def describe_strips(strips: Sequence[tuple[str, int, int]], count: int) -> list[str]:
    """Return what becomes of pictures (name, width, height) that are much longer than wide, of ``count`` in all."""
    if not strips:
        return []
    name, width, height = strips[0]
    are = _such_as(len(strips), count, f"{name} of {width:,}×{height:,} pixels")
    return [f"{are} a narrow strip, of which only the central square is used. Crop what matters before you upload it."]


def describe_points(points: NDArray[np.float32]) -> list[str]:
    """Return what is wrong with points ``[n, 2]``: few different ones."""
    different = len(np.unique(points, axis=0))
    if different >= min(FEWEST, len(points)):
        return []
    return [
        f"Only {different} of the {len(points):,} points are different, so G can learn no more than those: add others."
    ]


def _such_as(some: int, count: int, example: str) -> str:
    return f"{some:,} of {counted(count, 'picture')}, such as {printable(example)}, {'is' if some == 1 else 'are'}"
