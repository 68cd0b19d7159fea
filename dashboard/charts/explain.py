"""What a snapshot's numbers say, as text."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.charts.rich_text import bold, rich_text
from gan_core.metrics import COLUMNS
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot

RECENT = 50  # iterations: over fewer, a batch's noise moves the numbers


@dataclass(frozen=True)
class Recent:
    """The mean of each metric, by its name in ``COLUMNS``, over the last ``iterations`` iterations.

    ``settled``: whether no setting has changed within them.
    """

    iterations: int
    settled: bool
    mean: dict[str, float]


def recent(snapshot: Snapshot) -> Recent | None:
    """Return the means that every text on the page shows; None before the first iteration.

    They cover at least the last ``RECENT`` iterations, but none before the last change of a setting: after a change of
    the loss, D(x) is another quantity. A long trace has rows of several iterations, which are taken whole.
    """
    trace = snapshot.trace
    if not len(trace.iteration):
        return None
    begins = np.concatenate([[0], trace.iteration[:-1]])
    last = int(trace.iteration[-1])
    changed = max((mark.iteration for mark in snapshot.marks), default=0)
    chosen = (trace.iteration > last - RECENT) & (begins >= changed)
    chosen[-1] = True
    lengths = (trace.iteration - begins)[chosen]
    means = np.average(trace.values[chosen], axis=0, weights=lengths)
    settled = bool(begins[chosen][0] >= changed)
    return Recent(int(lengths.sum()), settled, dict(zip(COLUMNS, map(float, means), strict=True)))


def clock(seconds: float) -> str:
    """Format seconds as 0:21 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def finite_or_dash(value: float | None, digits: int = 2) -> str:
    """Format a number for a label; a dash where there is none yet."""
    return f"{value:.{digits}f}" if value is not None and np.isfinite(value) else "–"


def status_line(report: Report) -> dict[str, Any]:
    """Return where the run stands as one short line of rich text.

    The speed only while it trains and can be measured, the precision only where it is not the usual one.
    """
    snapshot = report.snapshot
    if snapshot is None:
        return rich_text("Starting …")
    precision = "" if snapshot.precision == "float32" else f" {snapshot.precision}"
    rate = snapshot.iterations_per_second
    measured = report.state == "running" and not snapshot.speed.slow_motion and rate > 0
    device, _, _ = snapshot.device.partition(",")  # the GPU's name and the number of threads are in ``computing``
    speed = (" · ", bold(f"{rate:.1f}" if rate < 9.5 else f"{rate:.0f}"), " it/s") if measured else ()
    return rich_text(
        "Iteration ", bold(f"{snapshot.iteration:,}"), " · epoch ", bold(f"{snapshot.epoch:,}"),
        *speed, " · ", bold(clock(snapshot.seconds)),
        f" · {device}{precision} · seed ", bold(f"{snapshot.config.seed}"),
    )  # fmt: skip
