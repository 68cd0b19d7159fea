"""Samples of a snapshot → picture files."""

import csv
import io

import numpy as np
from numpy.typing import NDArray

from gan_core.metrics import COLUMNS
from gan_core.pictures import picture_grid, png
from gan_core.snapshot import Snapshot

COLUMNS_OF_PICTURES = 6


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
