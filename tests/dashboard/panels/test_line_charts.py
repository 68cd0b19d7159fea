"""The charts of losses and scores."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from dashboard import theme
from dashboard.charts.lines import Axes
from dashboard.panels.losses import losses as losses_figure
from dashboard.panels.scores import scores as scores_figure
from gan_core.history import History
from gan_core.snapshot import Mark, SingleUpdate, Snapshot

Make = Callable[..., Snapshot]


def losses(shown: Snapshot, axes: Axes = Axes()) -> go.Figure:
    """The chart, and Plotly has checked every property."""
    return go.Figure(losses_figure(shown, axes).plain)


def scores(shown: Snapshot, axes: Axes = Axes()) -> go.Figure:
    return go.Figure(scores_figure(shown, axes).plain)


def by_name(figure: object, name: str) -> object:
    return next(trace for trace in figure.data if trace.name == name)  # type: ignore[attr-defined]


def test_losses_and_scores_show_the_metrics_of_the_trace(snapshot: Make) -> None:
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
def test_the_balance_line_is_at_the_level_of_the_loss(
    snapshot: Make, loss: str, level: float, score: float | None
) -> None:
    shown = snapshot(2, loss=loss)
    assert [shape.y0 for shape in losses(shown).layout.shapes] == [level]
    assert [shape.y0 for shape in scores(shown).layout.shapes] == ([] if score is None else [score])


def test_log_axes_reset_the_zoom(snapshot: Make) -> None:
    shown = snapshot(3)
    plain, logarithmic = losses(shown), losses(shown, Axes(log_x=True, log_y=True))
    assert (plain.layout.xaxis.type, plain.layout.yaxis.type) == ("linear", "linear")
    assert (logarithmic.layout.xaxis.type, logarithmic.layout.yaxis.type) == ("log", "log")
    assert plain.layout.uirevision != logarithmic.layout.uirevision
    assert losses(snapshot(4)).layout.uirevision == plain.layout.uirevision
    # On a log axis Plotly places annotations by exponent.
    assert logarithmic.layout.annotations[-1].y == pytest.approx(math.log10(math.log(2)))


def test_a_payload_equals_plotlys_own_json(snapshot: Make) -> None:
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
