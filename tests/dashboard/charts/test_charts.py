"""Figures, drawings, files and sentences from snapshots."""

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from dashboard import theme
from dashboard.charts.explain import clock, latest, reading
from dashboard.charts.lines import Axes
from dashboard.charts.network import drawing
from dashboard.charts.table import metrics_csv
from dashboard.panels.losses import losses as losses_figure
from dashboard.panels.scores import scores as scores_figure
from gan_core.config import GANConfig
from gan_core.history import History
from gan_core.images import samples_png
from gan_core.metrics import COLUMNS
from gan_core.networks import build_discriminator, build_generator
from gan_core.snapshot import Mark, SingleUpdate, Snapshot

Make = Callable[..., Snapshot]


def losses(shown: Snapshot, axes: Axes = Axes()) -> go.Figure:
    """The chart, and Plotly has checked every property."""
    return go.Figure(losses_figure(shown, axes).plain)


def scores(shown: Snapshot, axes: Axes = Axes()) -> go.Figure:
    return go.Figure(scores_figure(shown, axes).plain)


def by_name(figure: object, name: str) -> object:
    return next(trace for trace in figure.data if trace.name == name)  # type: ignore[attr-defined]


def test_the_charts_show_the_metrics_of_the_trace(snapshot: Make) -> None:
    shown = snapshot(5)
    figure = losses(shown)
    assert by_name(figure, "D loss").x.tolist() == [1, 2, 3, 4, 5]  # type: ignore[attr-defined]
    assert by_name(figure, "D loss").y.tolist() == shown.trace.column("loss_d").tolist()  # type: ignore[attr-defined]
    assert by_name(figure, "G loss").line.color == theme.GENERATOR  # type: ignore[attr-defined]
    scored = scores(shown)
    assert by_name(scored, "D(x)").y.tolist() == shown.trace.column("d_real").tolist()  # type: ignore[attr-defined]
    after = by_name(scored, "after G's step")
    assert after.y.tolist() == shown.trace.column("d_fake_after").tolist()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("loss", "level", "score"),
    [
        ("bce", math.log(2), 0.5),
        ("bce_saturating", math.log(2), 0.5),
        ("least_squares", 0.25, 0.5),
        ("wasserstein_gp", 0, None),
    ],
)
def test_the_balance_line_stands_where_the_loss_has_it(
    snapshot: Make, loss: str, level: float, score: float | None
) -> None:
    shown = snapshot(2, loss=loss)
    assert [shape.y0 for shape in losses(shown).layout.shapes] == [level]
    assert [shape.y0 for shape in scores(shown).layout.shapes] == ([] if score is None else [score])


def test_log_axes_are_of_the_figure_and_begin_another_view(snapshot: Make) -> None:
    shown = snapshot(3)
    plain, logarithmic = losses(shown), losses(shown, Axes(log_x=True, log_y=True))
    assert (plain.layout.xaxis.type, plain.layout.yaxis.type) == ("linear", "linear")
    assert (logarithmic.layout.xaxis.type, logarithmic.layout.yaxis.type) == ("log", "log")
    assert plain.layout.uirevision != logarithmic.layout.uirevision
    assert losses(snapshot(4)).layout.uirevision == plain.layout.uirevision
    # On a log axis Plotly places annotations by exponent.
    assert logarithmic.layout.annotations[-1].y == pytest.approx(math.log10(math.log(2)))


def test_what_is_sent_is_what_plotly_would_send(snapshot: Make) -> None:
    shown = replace(snapshot(5), marks=(Mark(2, "G steps: 1"),), singles=(SingleUpdate(3, "D", 0.5),))
    for figure in (losses_figure(shown, Axes(log_x=True)), scores_figure(shown)):
        sent, theirs = figure.payload(), json.loads(go.Figure(figure.plain).to_json())
        theirs["layout"]["template"] = {}
        assert sent == theirs


def test_marks_and_single_updates_are_drawn(snapshot: Make) -> None:
    shown = replace(
        snapshot(3), marks=(Mark(2, "G steps: 1"),), singles=(SingleUpdate(3, "D", 0.5), SingleUpdate(3, "G", 0.9))
    )
    figure = losses(shown)
    assert 2 in [shape.x0 for shape in figure.layout.shapes]
    assert "G steps: 1" in [note.text for note in figure.layout.annotations]
    assert (by_name(figure, "D alone").y, by_name(figure, "G alone").y) == ((0.5,), (0.9,))  # type: ignore[attr-defined]


def test_a_chart_costs_the_same_at_100_000_iterations_as_at_5_000(
    snapshot: Make, history_of: Callable[[int], History]
) -> None:
    shown, both = snapshot(), (losses_figure, scores_figure)
    sizes = {
        count: len(json.dumps([draw(replace(shown, trace=history_of(count).trace())).payload() for draw in both]))
        for count in (5_000, 100_000)
    }
    assert sizes[100_000] == pytest.approx(sizes[5_000], rel=0.02)
    assert sizes[100_000] < 40_000


@pytest.mark.parametrize("settings", [{}, {"generator_batch_norm": False, "discriminator_batch_norm": True}])
def test_the_drawing_counts_the_weights_that_the_networks_have(settings: dict[str, bool]) -> None:
    config = GANConfig(**settings)  # type: ignore[arg-type]
    for network, module in (("G", build_generator(config, 784)), ("D", build_discriminator(config, 784))):
        drawn = drawing(config, network, 784)  # type: ignore[arg-type]
        assert drawn.weights == sum(parameter.numel() for parameter in module.parameters())
    assert drawing(config, "G", 784).sizes == (100, 256, 512, 1024, 784)
    assert drawing(config, "D", 784).sizes == (784, 512, 256, 1)


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


def test_the_png_holds_the_pictures(snapshot: Make) -> None:
    shown = snapshot()
    grid = np.asarray(Image.open(io.BytesIO(samples_png(shown.real))))
    assert grid.shape == (6 * 30 - 2, 6 * 30 - 2)
    np.testing.assert_allclose(grid[30:58, 30:58], (shown.real[7] + 1) * 127.5, atol=1)


def test_the_reading_names_who_is_ahead(snapshot: Make) -> None:
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


def test_the_clock_reads_like_a_clock() -> None:
    assert [clock(21.9), clock(61), clock(3723)] == ["0:21", "1:01", "1:02:03"]
