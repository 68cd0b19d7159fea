"""The metrics of a snapshot as a table. A row is the mean over ``iterations`` iterations: 1 until the run grows long."""

import io

from gan_core import history
from gan_core.metrics import COLUMNS
from gan_core.snapshot import Snapshot


def metrics_csv(snapshot: Snapshot) -> bytes:
    """Return the trace as CSV."""
    return history.metrics_csv(snapshot.trace)


def metrics_parquet(snapshot: Snapshot) -> bytes:
    """Return the trace as Parquet, with every bit of its numbers; a metric that the loss does not define is null."""
    import pyarrow  # takes a fifth of a second, which a page needs only for a download
    from pyarrow import parquet

    trace = snapshot.trace
    columns = {"iteration": trace.iteration, "iterations": trace.counts}
    columns |= {name: pyarrow.array(trace.column(name), from_pandas=True) for name in COLUMNS}
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()
