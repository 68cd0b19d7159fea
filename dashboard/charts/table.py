"""The metrics of a snapshot as a table. A row is the mean over ``iterations`` iterations: 1 until the run grows long."""

import csv
import io

import numpy as np

from gan_core.metrics import COLUMNS
from gan_core.snapshot import Snapshot


def metrics_csv(snapshot: Snapshot) -> bytes:
    """Return the trace as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("iteration", "iterations", *COLUMNS))
    iteration, counts = snapshot.trace.iteration.tolist(), _counts(snapshot).tolist()
    for at, count, values in zip(iteration, counts, snapshot.trace.values.tolist(), strict=True):
        writer.writerow((at, count, *(f"{value:.7g}" for value in values)))
    return text.getvalue().encode()


def metrics_parquet(snapshot: Snapshot) -> bytes:
    """Return the trace as Parquet, with every bit of its numbers; a metric that the loss does not define is null."""
    import pyarrow  # takes a fifth of a second, which a page needs only for a download
    from pyarrow import parquet

    trace = snapshot.trace
    columns = {"iteration": trace.iteration, "iterations": _counts(snapshot)}
    columns |= {name: pyarrow.array(trace.column(name), from_pandas=True) for name in COLUMNS}
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def _counts(snapshot: Snapshot) -> np.ndarray:
    """Return how many iterations each row covers."""
    return np.diff(snapshot.trace.iteration, prepend=0)
