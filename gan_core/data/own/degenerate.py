"""Sentences about data from which a GAN can learn little, each with what would help. They stand beside the preview."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_core.data.own.refusals import FEWEST, printable
from gan_core.plurals import counted

FEW_LEVELS = 64  # of 256: less contrast than this is hardly seen
STRIP = 4  # times as long as wide: the central square is at most a quarter of the picture
SMALL_SHARE = 0.1  # of the range: most points within it make one dot
THIN = 0.01  # spread across a line to spread along it: less is hardly seen
NEARLY_ALL = 0.98  # of the pixels: a few may be noise, a date or a border
WHITE = 255
WHITENED = "Transparent parts become white: put white drawings on a dark background."


class PictureFile(NamedTuple):
    """A file that was read: its name, and its size in pixels."""

    name: str
    width: int
    height: int


def describe_pictures(pictures: NDArray[np.uint8], files: Sequence[PictureFile]) -> tuple[str, ...]:
    """Return what is wrong with pictures ``[n, size, size]``: strips, even ones, equal ones, and little contrast."""
    sentences = _strips(files)
    flat = pictures.reshape(len(pictures), -1)
    even = np.flatnonzero(flat.min(1) == flat.max(1))
    low, high = int(flat.min()), int(flat.max())
    cure = f" {WHITENED}" if (flat[even, 0] == WHITE).any() else ""
    if len(even) == len(flat):
        level = f"the same even grey, level {low} of 255" if low == high else "one even grey"
        return (*sentences, f"Every picture is {level}: choose pictures that show something.{cure}")
    if len(even):
        are = _such_as(len(even), len(flat), printable(files[even[0]].name, 40))
        sentences.append(f"{are} one even grey: leave {'it' if len(even) == 1 else 'them'} out.{cure}")
    sentences += _few_different(map(np.ndarray.tobytes, flat), "pictures", len(flat))
    if high - low >= FEW_LEVELS:
        low, high = _nearly_all_levels(flat)
        use = "Nearly all pixels have levels"
    else:
        use = "The pictures use only the levels"
    if high - low < FEW_LEVELS:
        sentences.append(
            f"{use} of grey from {low} to {high} of 255, so all look alike: increase their contrast before you upload them."
        )
    return tuple(sentences)


def describe_points(points: NDArray[np.float32]) -> tuple[str, ...]:
    """Return what is wrong with points ``[n, 2]``: few different ones, some far from all others, and a line of them."""
    sentences = _few_different(map(np.ndarray.tobytes, points), "points", len(points))
    low, high = np.quantile(points, [0.2, 0.8], axis=0)
    if (high - low).max() < SMALL_SHARE * np.ptp(points, axis=0).max():
        sentences.append(
            f"Most points lie within {SMALL_SHARE:.0%} of the range, because others are far away: if those are wrong, such as"
            " -999 for a missing number, remove their lines."
        )
        return tuple(sentences)
    across, along = np.sqrt(np.linalg.eigvalsh(np.cov(points.T, dtype=np.float64)).clip(0))
    if across < THIN * along:
        sentences.append(
            "The points lie almost on a straight line: if one column has much larger numbers than the other, choose other"
            " columns, or bring both to a similar range."
        )
    return tuple(sentences)


def _strips(files: Sequence[PictureFile]) -> list[str]:
    strips = [file for file in files if max(file.width, file.height) >= STRIP * min(file.width, file.height)]
    if not strips:
        return []
    first = strips[0]
    are = _such_as(len(strips), len(files), f"{printable(first.name, 40)} of {first.width:,}×{first.height:,} pixels")
    return [f"{are} a narrow strip, of which only the central square is used: crop what matters before you upload it."]


def _nearly_all_levels(flat: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the lowest and the highest level of the pixels ``[n, pixels]`` without the darkest and the brightest few."""
    counts = sum(np.bincount(picture, minlength=256) for picture in flat)
    shares = np.cumsum(counts) / flat.size
    low, high = np.searchsorted(shares, [(1 - NEARLY_ALL) / 2, (1 + NEARLY_ALL) / 2]).tolist()
    return low, high


def _few_different(samples: Iterable[bytes], noun: str, count: int) -> list[str]:
    different: set[bytes] = set()
    for sample in samples:
        different.add(sample)
        if len(different) == FEWEST:
            return []
    few = "one" if len(different) == 1 else len(different)
    return [f"The {count:,} {noun} are copies of {few}, and G learns no more than that: add others."]


def _such_as(some: int, count: int, example: str) -> str:
    such_as, are = ("", "is") if some == 1 else ("such as ", "are")
    return f"{some:,} of {counted(count, 'picture')}, {such_as}{example}, {are}"
