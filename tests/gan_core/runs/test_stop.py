"""Training until an iteration, or until a metric passes a value."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from gan_core.metrics import COLUMNS, TITLES
from gan_core.runs.protocol import Pause, Play, Report, Runner, Speed, Step, Stop, Walk
from gan_core.runs.speed import Rate
from gan_core.runs.worker import Worker
from gan_core.snapshot import Snapshot
from tests.gan_core.runs.support import Make, ask, failed, saved_iteration, trained, until, weights
from tests.gan_core.support import BROKEN, same, tiny

SPEEDS = [Speed(), Speed(200)]


def play_until(runner: Runner, stop: Stop) -> Snapshot:
    """Play until the run has paused by itself."""
    runner.send(Play(stop))
    return stopped(runner)


def stopped(runner: Runner) -> Snapshot:

    def by_itself(report: Report) -> bool:
        return report.snapshot is not None and report.state == "paused" and report.snapshot.stopped != ""

    snapshot = until(runner, by_itself).snapshot
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize(
    ("stop", "sentence"),
    [
        (Stop(), "iteration = None with metric = '' is not possible; it should be one of the two."),
        (Stop(20, "loss_g"), "iteration = 20 with metric = 'loss_g' is not possible; it should be one of the two."),
        (Stop(1000), "Iteration 1,000 has passed; it should be above 1,000, where the run is now."),
        (Stop(metric="loss"), "metric = 'loss' is not known; it should be one of loss_d, loss_d_real,"),
        (Stop(metric="loss_d", value=math.nan), "Value = nan is not possible; it should be a finite number."),
        (Stop(metric="loss_d", value=-math.inf), "Value = -inf is not possible; it should be a finite number."),
    ],
)
def test_a_wrong_stop_is_refused_by_field_value_and_what_is_right(stop: Stop, sentence: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(sentence)):
        stop.check(1000)


@pytest.mark.parametrize("stop", [Stop(1001), Stop(metric="d_fake", value=-3.0), Stop(metric="loss_g", above=False)])
def test_a_possible_stop_is_not_refused(stop: Stop) -> None:
    stop.check(1000)


def test_every_metric_has_a_title() -> None:
    assert tuple(TITLES) == COLUMNS


@pytest.mark.parametrize(
    ("stop", "measured", "reason"),
    [
        (Stop(metric="loss_g", value=3), 3.0412, "Stopped at iteration 1,312: its G loss, 3.04, is above 3."),
        (Stop(metric="loss_g", value=3), 3.00004, "Stopped at iteration 1,312: its G loss, 3.00004, is above 3."),
        (Stop(metric="loss_g", value=3), 3.0, ""),
        (Stop(metric="loss_g", value=3), 2.9, ""),
        (Stop(metric="loss_g", value=3), math.nan, ""),
        (Stop(metric="d_fake", above=False, value=0.05), 0.04, "Stopped at iteration 1,312: its D(G(z)), 0.04, is below 0.05."),
        (Stop(metric="d_fake", above=False, value=0.05), 0.0499999, "Stopped at iteration 1,312: its D(G(z)), 0.0499999, is"),
        (Stop(metric="d_fake", above=False, value=0.05), 0.06, ""),
    ],
)  # fmt: skip
def test_the_reason_is_true_of_the_numbers_that_it_names(stop: Stop, measured: float, reason: str) -> None:
    sentence = stop.reason(1312, {stop.metric: measured})
    assert sentence.startswith(reason)
    assert bool(sentence) == bool(reason)
    if sentence:
        shown, side, value = re.search(r"([\d.]+), is (above|below) ([\d.]+)\.$", sentence).groups()  # type: ignore[union-attr]
        assert float(shown) > float(value) if side == "above" else float(shown) < float(value)


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_run_pauses_exactly_after_the_given_iteration(make: Make, tmp_path: Path, speed: Speed) -> None:
    runner = make()
    ask(runner, speed, Step(2))
    snapshot = play_until(runner, Stop(iteration=37))
    assert (snapshot.iteration, snapshot.until) == (37, None)
    assert snapshot.stopped == "Stopped at iteration 37, as you asked."
    assert saved_iteration(tmp_path / "run") == 37
    assert same(weights(tmp_path / "run"), trained(37))
    assert ask(runner, Pause()).stopped == snapshot.stopped
    assert ask(runner, Step()).stopped == ""


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize(("metric", "above"), [("loss_g", True), ("loss_d", False)])
def test_a_run_pauses_after_the_first_iteration_whose_metric_passes_the_value(
    make: Make, speed: Speed, metric: str, above: bool
) -> None:
    values = ask(make(tiny(), "before"), Step(40)).trace.column(metric).astype(float).tolist()
    furthest = max if above else min
    records = [index for index in range(6, 40) if furthest(values[5 : index + 1]) != furthest(values[5:index])]
    number = records[-1]
    assert number > 8, "the test needs iterations before the one that passes the value"
    stop = Stop(metric=metric, above=above, value=(values[number] + furthest(values[5:number])) / 2)
    runner = make()
    ask(runner, speed, Step(5))
    snapshot = play_until(runner, stop)
    assert snapshot.iteration == number + 1
    assert snapshot.stopped == stop.reason(number + 1, {metric: values[number]}) != ""
    assert snapshot.trace.column(metric).tolist() == values[: number + 1]


@pytest.mark.parametrize(("stop", "last"), [(Stop(iteration=40), 40), (Stop(metric="d_real", value=0.0), 2)])
def test_a_fast_run_that_trains_many_iterations_at_once_stops_no_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: Stop, last: int
) -> None:
    monkeypatch.setattr(Rate, "per_second", 1e6)
    run = Worker("run", tiny(), tmp_path)
    run.start()
    run.handle(Step(1))
    run.handle(Play(stop))
    run.advance(10.0)
    snapshot = run.report().snapshot
    assert snapshot is not None
    assert (run.state, snapshot.iteration) == ("paused", last)


def test_the_metric_of_an_earlier_iteration_does_not_stop_slow_motion(make: Make) -> None:
    runner = make()
    always = Play(Stop(metric="loss_g", above=True, value=0.0))
    ask(runner, Step(2), Speed(slow_motion=True), always, state="running")
    shown = until(runner, lambda r: r.snapshot is not None and r.snapshot.walk is not None)
    assert shown.state == "running"
    runner.send(Speed())
    assert stopped(runner).iteration == 3


def test_a_snapshot_names_what_the_run_waits_for_until_another_command(make: Make) -> None:
    runner, stop = make(), Stop(iteration=10**9)
    assert ask(runner, Play(stop), state="running").until == stop
    assert ask(runner, Speed(100), state="running").until == stop
    paused = ask(runner, Pause())
    assert (paused.until, paused.stopped) == (None, "")
    ask(runner, Play(stop), Play(), state="running")
    assert ask(runner, Pause()).until is None


def test_an_iteration_that_a_walk_has_begun_counts(make: Make) -> None:
    runner = make()
    ask(runner, Step(4), Walk("stage"))
    assert play_until(runner, Stop(iteration=5)).iteration == 5


@pytest.mark.parametrize("running", [True, False])
def test_a_stop_that_has_passed_pauses_the_run_with_a_reason_and_does_not_fail_it(make: Make, running: bool) -> None:
    runner = make()
    ask(runner, Step(5), *([Play()] if running else []), state="running" if running else "paused")
    snapshot = ask(runner, Play(Stop(iteration=5)))
    assert snapshot.stopped.startswith("Iteration 5 has passed; it should be above")
    assert snapshot.until is None
    assert ask(runner, Play(), state="running").stopped == ""


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_run_that_diverges_fails_while_it_waits_for_a_metric(make: Make, speed: Any) -> None:
    runner = make(tiny(**BROKEN, loss="least_squares"))
    ask(runner, speed)
    runner.send(Play(Stop(metric="d_fake", above=False, value=-1e30)))
    report = failed(runner)
    assert report.failure is not None
    assert report.snapshot is not None
    assert "the training has diverged." in report.failure.message
    assert (report.snapshot.until, report.snapshot.stopped) == (None, "")


@pytest.mark.parametrize(
    ("stop", "goal"),
    [
        (Stop(iteration=5000), "iteration 5,000"),
        (Stop(metric="loss_d", value=0.5), "D loss above 0.5"),
        (Stop(metric="d_fake", above=False, value=0.05), "D(G(z)) below 0.05"),
    ],
)
def test_the_goal_names_where_the_run_pauses(stop: Stop, goal: str) -> None:
    assert stop.goal == goal
