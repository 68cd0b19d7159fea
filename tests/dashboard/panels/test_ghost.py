"""The pale curves of the run before."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.charts.figure import Figure
from dashboard.charts.lines import Axes
from dashboard.panels.accuracy import accuracy
from dashboard.panels.losses import losses
from dashboard.panels.scores import scores
from gan_core.config import GANConfig
from gan_core.history import History
from gan_core.snapshot import Ghost, Snapshot

Make = Callable[..., Snapshot]
HistoryOf = Callable[[int], History]
CHARTS = pytest.mark.parametrize("draw", [losses, scores, accuracy])


def ghosts(figure: Figure) -> list[Any]:
    """Return the traces of the run before; Plotly has checked every property."""
    return [trace for trace in go.Figure(figure.plain).data if trace.name == "last run"]


def reach(figure: Figure) -> float:
    """Return the last iteration of the run before that is drawn."""
    (last,) = {trace.x[-1] for trace in ghosts(figure)}
    return float(last)


@pytest.fixture
def shown(snapshot: Make, history_of: HistoryOf) -> Callable[..., Snapshot]:
    """A run at ``iteration``, and the one before that had ``before`` iterations."""

    def make(iteration: int, before: int, loss: str = "bce", loss_before: str = "bce") -> Snapshot:
        ghost = Ghost.of(GANConfig(loss=loss_before), history_of(before).trace())
        made = replace(snapshot(), iteration=iteration, trace=history_of(iteration).trace(), ghost=ghost)
        return replace(made, config=made.config.replace(loss=loss))

    return make


@CHARTS
def test_the_run_before_is_a_pale_curve_for_each_solid_one(shown: Callable[..., Snapshot], draw: Any) -> None:
    drawn = ghosts(draw(shown(50, 100)))
    assert len(drawn) == 2
    assert len({trace.legendgroup for trace in drawn}) == 1, "which hides all of them"
    assert {trace.hoverinfo for trace in drawn} == {"skip"}
    assert all(trace.zorder < 0 for trace in drawn), "behind the present curves"
    assert len({trace.line.color for trace in drawn}) == 2
    assert ghosts(draw(replace(shown(50, 100), ghost=None))) == []


@pytest.mark.parametrize("iterations", [20, 40])
def test_the_pale_curve_lies_on_the_curve_of_an_equal_run(shown: Callable[..., Snapshot], iterations: int) -> None:
    figure = losses(shown(iterations, iterations))
    pale, _ = ghosts(figure)
    (curve,) = (trace for trace in go.Figure(figure.plain).data if trace.name == "D loss")
    both = np.intersect1d(pale.x, curve.x)
    assert len(both) == iterations
    np.testing.assert_array_equal(
        [pale.y[list(pale.x).index(at)] for at in both], [curve.y[list(curve.x).index(at)] for at in both]
    )


def test_the_beginning_of_a_long_run_before_has_a_curve(shown: Callable[..., Snapshot]) -> None:
    first, _ = ghosts(losses(shown(20, 78_000)))
    assert len(first.x) >= 12


def test_a_run_before_on_another_dataset_goes_no_further_than_the_present_one(shown: Callable[..., Snapshot]) -> None:
    made = shown(80, 1500)
    assert made.ghost is not None
    other = replace(made.ghost, config=made.ghost.config.replace(dataset="ring"))
    assert 130 <= reach(losses(made)) <= 160
    assert 60 <= reach(losses(replace(made, ghost=other))) <= 80


@pytest.mark.parametrize(
    ("loss", "before", "in_losses", "in_scores", "in_accuracy"),
    [
        ("bce", "bce", True, True, True),
        ("bce", "bce_saturating", False, True, True),
        ("bce", "least_squares", False, False, True),
        ("wasserstein_gp", "bce", False, False, False),
        ("bce", "wasserstein_gp", False, False, False),
        ("hinge", "least_squares", False, True, True),
    ],
)
def test_the_run_before_is_drawn_only_where_the_numbers_mean_the_same(
    shown: Callable[..., Snapshot], loss: str, before: str, in_losses: bool, in_scores: bool, in_accuracy: bool
) -> None:
    made = shown(50, 100, loss, before)
    drawn = [bool(ghosts(draw(made))) for draw in (losses, scores, accuracy)]
    assert drawn == [in_losses, in_scores, in_accuracy]


@pytest.mark.parametrize(
    ("iteration", "before", "reaches"),
    [(0, 1500, 1500), (20, 1500, 100), (300, 1500, 600), (3000, 1500, 1500), (0, 50_000, 50_000), (10, 50_000, 320),
     (1000, 50_000, 2000), (8000, 50_000, 16_000)],
)  # fmt: skip
def test_the_run_before_is_shown_whole_unless_it_would_squeeze_the_present_one(
    shown: Callable[..., Snapshot], iteration: int, before: int, reaches: int
) -> None:
    last = reach(losses(shown(iteration, before)))
    assert 0.8 * reaches < last <= reaches


def test_a_loss_that_was_changed_while_training_is_compared_only_from_there_on(
    snapshot: Make, history_of: HistoryOf
) -> None:
    trace = history_of(100).trace()
    ghost = Ghost.of(GANConfig(), trace, since=60)
    first, _ = ghosts(losses(replace(snapshot(), iteration=80, ghost=ghost)))
    assert (first.x[0], first.x[-1]) == (61, 100)
    assert first.y[0] == trace.column("loss_d")[60], "no mean over the other loss"


@CHARTS
@pytest.mark.parametrize("before", [127, 128, 4096, 100_000])
def test_the_run_before_costs_at_most_three_kilobytes(shown: Callable[..., Snapshot], draw: Any, before: int) -> None:
    made = shown(before, before)
    with_ghost, without = (len(json.dumps(draw(one).payload())) for one in (made, replace(made, ghost=None)))
    assert 0 < with_ghost - without <= 3072


def test_a_run_before_that_left_no_curve_is_not_in_the_legend(shown: Callable[..., Snapshot]) -> None:
    assert ghosts(losses(shown(50, 0))) == []


def test_the_run_before_is_on_logarithmic_axes_too(shown: Callable[..., Snapshot]) -> None:
    assert len(ghosts(losses(shown(50, 100), Axes(log_x=True, log_y=True)))) == 2


@CHARTS
def test_a_branch_names_its_parents_part_once_beside_the_losses(shown: Callable[..., Snapshot], draw: Any) -> None:
    branch = replace(shown(20, 30), fork=12)
    shared = [trace for trace in go.Figure(draw(branch).plain).data if trace.name == "before the branch"]
    assert [trace.x[-1] for trace in shared] == [12, 12], "a curve of each solid one, up to the fork"
    assert [trace.showlegend for trace in shared] == [draw is losses, False]
    assert {trace.legendgroup for trace in shared} == {"before the branch"}, "the one entry hides both"
