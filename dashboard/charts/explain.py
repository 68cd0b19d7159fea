"""What a snapshot's numbers say, as text."""

from typing import Any

import numpy as np

from dashboard.charts.rich_text import bold, rich_text
from gan_core.losses import LOSSES
from gan_core.metrics import COLUMNS
from gan_core.snapshot import Snapshot

FAR = 0.5  # bits of divergence above its floor


def latest(snapshot: Snapshot, over: int = 20) -> dict[str, float]:
    """Return each metric's mean over the last ``over`` rows of the trace; empty before the first iteration."""
    rows = snapshot.trace.values[-over:]
    return dict(zip(COLUMNS, (float(mean) for mean in rows.mean(axis=0)), strict=True)) if len(rows) else {}


def reading(snapshot: Snapshot) -> str:
    """Return who is ahead by D's scores, in a sentence or two; empty where scores are no probabilities."""
    now = latest(snapshot)
    if not now or not LOSSES[snapshot.config.loss].is_probability:
        return ""
    real, fake = now["d_real"], now["d_fake"]
    numbers = f"D(x) {real:.2f}, D(G(z)) {fake:.2f}"
    if real > 0.95 and fake < 0.05:
        advice = "fewer D steps" if snapshot.config.d_steps > 1 else "a smaller D learning rate, or more G steps"
        return f"D is almost always right ({numbers}): G learns slowly from a D that is so sure. Try {advice}."
    if real - fake > 0.1:
        return f"D is ahead ({numbers}): it distinguishes real from fake, and its gradient shows G what to change."
    if fake - real > 0.05:
        return f"G fools D for now ({numbers}): D takes fakes for real more often than real ones."
    if snapshot.points is not None and snapshot.points.divergence > snapshot.points.floor + FAR:
        return f"D's scores are near balance ({numbers}), yet fakes and real points are far apart: D is too weak to see it."
    return f"Near balance ({numbers}): D can hardly distinguish real from fake."


def clock(seconds: float) -> str:
    """Format seconds as 0:21 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def finite_or_dash(value: float | None, digits: int = 2) -> str:
    """Format a number for a label; a dash where there is none yet."""
    return f"{value:.{digits}f}" if value is not None and np.isfinite(value) else "–"


def status_line(snapshot: Snapshot | None) -> dict[str, Any]:
    """Return where the run stands as one line of rich text."""
    if snapshot is None:
        return rich_text("Starting …")
    return rich_text(
        "Iteration ", bold(f"{snapshot.iteration:,}"), " · epoch ", bold(f"{snapshot.epoch:,}"),
        " · ", bold(f"{snapshot.iterations_per_second:.0f}"), " it/s · ", bold(clock(snapshot.seconds)),
        f" · {snapshot.device}, {snapshot.precision} · seed ", bold(f"{snapshot.config.seed}"),
    )  # fmt: skip
