"""Samples of a snapshot → picture files."""

import csv
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_core.metrics import COLUMNS
from gan_core.pictures import picture_grid, png
from gan_core.snapshot import Snapshot

COLUMNS_OF_PICTURES = 6
BRIGHTER, DARKER = (255, 140, 40), (60, 130, 255)


def grid_png(samples: NDArray[np.float32], scale: int = 1, columns: int = COLUMNS_OF_PICTURES) -> bytes:
    """Pictures ``[n, height, width]`` in [-1, 1] as one PNG."""
    return png(picture_grid(samples, columns), scale)


def metrics_csv(snapshot: Snapshot) -> bytes:
    """The trace as CSV. ``iterations`` says over how many a row is the mean: 1 until the run grows long."""
    trace = snapshot.trace
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("iteration", "iterations", *COLUMNS))
    before = 0
    for iteration, values in zip(trace.iteration.tolist(), trace.values.tolist(), strict=True):
        writer.writerow((iteration, iteration - before, *(f"{value:.7g}" for value in values)))
        before = iteration
    return text.getvalue().encode()


def single_pngs(samples: NDArray[np.float32]) -> list[bytes]:
    """Each picture of ``[n, height, width]`` in [-1, 1] as a PNG of its own."""
    return [png(picture_grid(sample[None], 1)) for sample in samples]


def push_pngs(fakes: NDArray[np.float32], push: NDArray[np.float32]) -> list[bytes]:
    """Each fake in grey, and over it where D pulls: orange pixels are to grow brighter, blue ones darker.

    Both ``[n, height, width]``; the pull is scaled to the strongest of all shown pixels.
    """
    strength = np.abs(push) / max(float(np.abs(push).max()), 1e-12)
    grey = ((fakes + 1) * 0.5).clip(0, 1)[..., None] * np.ones(3)
    tint = np.where(push[..., None] > 0, np.array(BRIGHTER), np.array(DARKER)) / 255
    mixed = grey * (1 - strength[..., None]) + tint * strength[..., None]
    files = []
    for picture in (mixed * 255).astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG", compress_level=1)
        files.append(file.getvalue())
    return files


def noise_png(noise: NDArray[np.float32]) -> bytes:
    """Noise ``[n, latent_dim]`` as a strip: one row a sample, grey from -3 to 3."""
    return png((((noise / 3).clip(-1, 1) + 1) * 127.5).astype(np.uint8))
