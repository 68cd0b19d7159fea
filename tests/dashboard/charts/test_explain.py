"""Text from a snapshot's numbers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dashboard.charts.explain import clock, latest, reading
from gan_core.metrics import COLUMNS
from gan_core.snapshot import Snapshot

Make = Callable[..., Snapshot]


def test_the_explanation_names_who_is_ahead(snapshot: Make) -> None:
    def says(real: float, fake: float) -> str:
        shown = snapshot(1)
        values = shown.trace.values.copy()
        values[:, [COLUMNS.index("d_real"), COLUMNS.index("d_fake")]] = real, fake
        return reading(replace(shown, trace=replace(shown.trace, values=values)))

    assert says(0.99, 0.01).startswith("D is almost always right")
    assert says(0.8, 0.3).startswith("D is ahead")
    assert says(0.5, 0.5).startswith("Near balance")
    assert says(0.4, 0.6).startswith("G fools D")
    assert reading(snapshot(0)) == ""
    assert reading(snapshot(1, loss="wasserstein_gp")) == ""


def test_latest_is_the_mean_of_the_last_rows(snapshot: Make) -> None:
    shown = snapshot(5)
    assert latest(shown, 2)["loss_d"] == pytest.approx(float(shown.trace.column("loss_d")[-2:].mean()))


def test_seconds_are_formatted_as_a_clock() -> None:
    assert [clock(21.9), clock(61), clock(3723)] == ["0:21", "1:01", "1:02:03"]
