"""The metrics as CSV."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from dashboard.charts.table import metrics_csv
from gan_core.history import History
from gan_core.metrics import COLUMNS
from gan_core.snapshot import Snapshot

Make = Callable[..., Snapshot]


def test_the_csv_holds_every_metric_of_every_row(snapshot: Make, history_of: Callable[[int], History]) -> None:
    shown = snapshot(4)
    rows = list(csv.DictReader(io.StringIO(metrics_csv(shown).decode())))
    assert list(rows[0]) == ["iteration", "iterations", *COLUMNS]
    assert [row["iteration"] for row in rows] == ["1", "2", "3", "4"]
    assert [float(row["loss_g"]) for row in rows] == pytest.approx(shown.trace.column("loss_g").tolist(), rel=1e-6)
    long = replace(shown, trace=history_of(10_001).trace())
    counts = [int(row["iterations"]) for row in csv.DictReader(io.StringIO(metrics_csv(long).decode()))]
    assert sum(counts) == 10_001
    assert set(counts[:-1]) == {4}
