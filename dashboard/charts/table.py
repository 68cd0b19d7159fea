"""The metrics of a snapshot as a table."""

import csv
import io

from gan_core.metrics import COLUMNS
from gan_core.snapshot import Snapshot


def metrics_csv(snapshot: Snapshot) -> bytes:
    """Return the trace as CSV. A row is the mean over ``iterations`` iterations: 1 until the run grows long."""
    trace = snapshot.trace
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("iteration", "iterations", *COLUMNS))
    before = 0
    for iteration, values in zip(trace.iteration.tolist(), trace.values.tolist(), strict=True):
        writer.writerow((iteration, iteration - before, *(f"{value:.7g}" for value in values)))
        before = iteration
    return text.getvalue().encode()
