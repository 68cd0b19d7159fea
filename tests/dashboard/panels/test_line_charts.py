"""The charts of losses and scores."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import plotly.graph_objects as go
import pytest

from dashboard import theme
from dashboard.charts.lines import PLOT_HEIGHT, Axes
from dashboard.panels.losses import losses as losses_figure
from dashboard.panels.scores import scores as scores_figure
from gan_core.history import History
from gan_core.snapshot import Mark, SingleUpdate, Snapshot

Make = Callable[..., Snapshot]


def losses(shown: Snapshot, axes: Axes = Axes()) -> go.Figure:
    """The chart, and Plotly has checked every property."""
    return go.Figure(losses_figure(shown, axes).plain)


def scores(shown: Snapshot) -> go.Figure:
    return go.Figure(scores_figure(shown).plain)


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
    after = by_name(scored, "after G")
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


@pytest.mark.parametrize("losses_are", ["positive", "negative"])
def test_a_log_axis_says_what_it_cannot_show(snapshot: Make, losses_are: str) -> None:
    shown = snapshot(5)
    values = shown.trace.values * (-1 if losses_are == "negative" else 1)
    shown = replace(shown, trace=replace(shown.trace, values=values))
    texts = {log: [note.text for note in losses(shown, Axes(log_y=log)).layout.annotations] for log in (True, False)}
    assert ("log y cannot show values of 0 or less" in texts[True]) == (losses_are == "negative")
    assert "log y cannot show values of 0 or less" not in texts[False]


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


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_a_short_runs_axis_has_ticks_at_whole_iterations_only(snapshot: Make, iterations: int) -> None:
    shown = snapshot(iterations)
    assert losses(shown).layout.xaxis.dtick == scores(shown).layout.xaxis.dtick == 1
    assert losses(shown, Axes(log_x=True)).layout.xaxis.dtick == "L1"


@pytest.mark.parametrize("iterations", [0, 20])
def test_plotly_chooses_the_ticks_of_a_longer_axis(snapshot: Make, iterations: int) -> None:
    assert losses(snapshot(iterations)).layout.xaxis.dtick is None


def test_the_only_iteration_is_a_point(snapshot: Make) -> None:
    """A line of one point is invisible."""
    assert by_name(losses(snapshot(1)), "D loss").mode == "markers"  # type: ignore[attr-defined]
    assert by_name(losses(snapshot(2)), "D loss").mode == "lines"  # type: ignore[attr-defined]


MARKS = (
    Mark(0, "Update order: G first"),
    Mark(100, "G steps: 5"),
    Mark(100, "D learning rate: 0.001"),
    Mark(180, "D steps: 2"),
    Mark(390, "LeakyReLU slope (both networks): 0.3"),
)


def mark_labels(figure: go.Figure) -> list[go.layout.Annotation]:
    return [note for note in figure.layout.annotations if note.yref == "y domain"]


def test_labels_of_marks_lie_above_the_curves(snapshot: Make) -> None:
    shown = replace(snapshot(3), marks=(Mark(2, "G steps: 1"),))
    figure = losses(shown)
    (label,) = mark_labels(figure)
    assert (label.text, label.y, label.yanchor) == ("G steps: 1", 1, "bottom"), "above the y axis's end"
    room = (1 - figure.layout.yaxis.domain[1]) * PLOT_HEIGHT
    assert room >= 12, "pixels of the chart that the curves leave to the label"
    assert losses(snapshot(3)).layout.yaxis.domain is None


@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("width", [280, 420, 900])
def test_labels_of_marks_do_not_overprint_each_other(snapshot: Make, log_x: bool, width: int) -> None:
    shown = replace(snapshot(400), marks=MARKS)
    figure = losses(shown, Axes(log_x=log_x))
    rows: dict[float, list[tuple[float, float]]] = {}
    for label in mark_labels(figure):
        at = label.x / math.log10(400) if log_x else label.x / 400
        text = len(label.text) * 5
        begin = at * width - (text if label.xanchor == "right" else 0)
        assert begin > -1, label.text
        assert begin + text <= width + 1, label.text
        rows.setdefault(label.yshift, []).append((begin, begin + text))
    assert sum(map(len, rows.values())) >= 2
    assert len(rows) <= 2
    for spans in rows.values():
        spans.sort()
        assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_changes_at_one_iteration_share_a_label_and_each_has_its_line(snapshot: Make) -> None:
    shown = replace(snapshot(400), marks=MARKS[1:3])
    figure = losses(shown)
    assert [label.text for label in mark_labels(figure)] == ["G steps: 5, D learning rate: 0.001"]
    assert [shape.x0 for shape in losses(replace(shown, marks=MARKS)).layout.shapes] == [0, 100, 180, 390, 0]


def test_a_mark_without_room_for_its_label_has_dots_and_every_label_is_whole_on_hover(snapshot: Make) -> None:
    marks = tuple(Mark(at, f"Generator learning rate: {at}") for at in (20, 120, 200, 300))
    labels = mark_labels(losses(replace(snapshot(400), marks=marks)))
    assert "…" in [label.text for label in labels]
    assert len(labels) >= 3
    assert {label.hovertext for label in labels} <= {mark.text for mark in marks}


def test_the_newest_mark_always_has_its_label(snapshot: Make) -> None:
    marks = tuple(Mark(200 + step, f"Gradient penalty: {step}") for step in range(20))
    texts = [label.text for label in mark_labels(losses(replace(snapshot(400), marks=marks)))]
    assert "Gradient penalty: 19" in texts


def test_of_a_setting_that_changed_twice_at_one_iteration_the_last_value_is_labelled(snapshot: Make) -> None:
    marks = (Mark(2, "G learning rate: 0.1"), Mark(2, "G steps: 1"), Mark(2, "G learning rate: 0.01"))
    (label,) = mark_labels(losses(replace(snapshot(3), marks=marks)))
    assert label.hovertext == "G learning rate: 0.01, G steps: 1"


def test_the_axes_of_a_run_that_has_not_trained_are_its_own_and_not_those_of_the_run_before(
    snapshot: Make,
) -> None:
    empty = losses(snapshot(0))
    assert (tuple(empty.layout.xaxis.range), tuple(empty.layout.yaxis.range)) == ((0, 100), (0, 1))
    logarithmic = losses(snapshot(0), Axes(True, True))
    assert (tuple(logarithmic.layout.xaxis.range), tuple(logarithmic.layout.yaxis.range)) == ((0, 2), (-1, 0))
    trained = losses(snapshot(50))
    assert trained.layout.xaxis.range is None
    assert trained.layout.yaxis.range is None
