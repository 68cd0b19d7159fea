"""The metrics as CSV and as Parquet."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pyarrow import parquet

from dashboard.charts.table import metrics_csv, metrics_parquet
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


def test_the_parquet_file_holds_the_same_rows_with_every_bit(
    snapshot: Make, history_of: Callable[[int], History]
) -> None:
    shown = replace(snapshot(4), trace=history_of(10_001).trace())
    table = parquet.read_table(io.BytesIO(metrics_parquet(shown)))
    assert table.column_names == ["iteration", "iterations", *COLUMNS]
    assert table["iteration"].to_pylist() == shown.trace.iteration.tolist()
    assert sum(table["iterations"].to_pylist()) == 10_001
    for name in COLUMNS:
        np.testing.assert_array_equal(table[name].to_numpy(), shown.trace.column(name))


def test_a_metric_that_the_loss_does_not_define_is_null_in_parquet(snapshot: Make) -> None:
    shown = snapshot(2, loss="wasserstein_gp", gradient_penalty=1.0)
    table = parquet.read_table(io.BytesIO(metrics_parquet(shown)))
    assert table["accuracy_real"].to_pylist() == [None, None]
    assert None not in table["loss_d"].to_pylist()
