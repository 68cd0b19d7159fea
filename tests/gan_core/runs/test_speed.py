"""How fast a running training goes: the schedule by a clock, and runs of every kind at any speed."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gan_core.runs.plan import Plan
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Pause, Play, Speed, Step
from gan_core.runs.speed import CATCH_UP, STAGE_SECONDS, Rate, Schedule
from gan_core.runs.worker import Worker
from gan_core.snapshot import Snapshot
from tests.gan_core.runs.support import Make, ask, trained, until, weights
from tests.gan_core.support import same, tiny


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Replace the schedule's clock by one that only a test moves."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("gan_core.runs.speed.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def worker(folder: Path, speed: Speed) -> Worker:
    """Return a worker that plays at this speed."""
    started = Worker("run", tiny(), folder)
    started.start()
    started.handle(speed)
    started.handle(Play())
    return started


def snapshot_of(run: Worker) -> Snapshot:
    snapshot = run.report().snapshot
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize("number", [0, -1, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match=r"^iterations_per_second = .* is not possible; it should be a number above 0"):
        Speed(number)


# The schedule ----------------------------------------------------------------------------------------------


def test_a_schedule_counts_from_its_plan_and_not_from_when_it_was_reached(clock: SimpleNamespace) -> None:
    """Waits that last 3 ms too long each would lose 3 in 100 iterations if they were summed."""
    schedule, began = Schedule(), clock.now
    schedule.begin(0.1)
    for _ in range(100):
        clock.now += schedule.wait + 0.003
        assert schedule.wait == 0
        schedule.advance()
    assert clock.now - began == pytest.approx(99 * 0.1 + 0.003)


def test_a_short_delay_is_made_up_for_and_a_stall_is_not(clock: SimpleNamespace) -> None:
    def due_after(delay: float) -> int:
        schedule, count = Schedule(), 0
        schedule.begin(0.01)
        schedule.advance()
        clock.now += 0.01 + delay
        while not schedule.wait:
            schedule.advance()
            count += 1
        return count

    assert due_after(CATCH_UP * 0.8) == 9
    assert due_after(100.0) == 1


def test_another_interval_counts_from_now(clock: SimpleNamespace) -> None:
    schedule = Schedule()
    assert schedule.wait == 0
    schedule.begin(10.0)
    schedule.advance()
    assert schedule.wait == 10
    schedule.begin(0.5)
    assert schedule.wait == 0.5
    schedule.begin(0.0)
    assert schedule.wait == 0
    clock.now += 100
    schedule.begin(0.5)
    assert schedule.wait == 0


def test_a_rate_needs_two_iterations_and_ignores_what_lies_before_the_last_second() -> None:
    rate = Rate()
    rate.add(0.0, 1)
    assert rate.per_second == 0
    for at, iteration in ((0.1, 1), (4.0, 2)):
        rate.add(at, iteration)
    assert rate.per_second == 0.25
    for number in range(1, 21):
        rate.add(4 + number / 10, 2 + number)
    assert rate.per_second == pytest.approx(10)


# Workers, on a clock that only the test moves --------------------------------------------------------------


def test_a_limited_run_trains_what_is_due_and_reports_the_wall_clocks_rate(
    tmp_path: Path, clock: SimpleNamespace
) -> None:
    run = worker(tmp_path, Speed(5))
    for tenth in range(40):
        run.advance()
        run.advance()
        assert snapshot_of(run).iteration == 1 + tenth // 2
        clock.now += 0.1
    assert snapshot_of(run).iterations_per_second == pytest.approx(5)


def test_a_limited_run_trains_one_iteration_at_a_time_however_fast_it_could_go(
    tmp_path: Path, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rate, "per_second", 1e6)
    run = worker(tmp_path, Speed(5))
    run.advance()
    assert snapshot_of(run).iteration == 1


def test_a_run_that_only_waits_does_not_change(tmp_path: Path, clock: SimpleNamespace) -> None:
    run = worker(tmp_path, Speed(5))
    run.advance()
    before = snapshot_of(run)
    assert run.wait == pytest.approx(0.2)
    run.advance()
    assert snapshot_of(run) is before


def test_slow_motion_plays_a_stage_at_a_time_and_ends_in_the_same_weights(
    tmp_path: Path, clock: SimpleNamespace
) -> None:
    run = worker(tmp_path, Speed(slow_motion=True))
    stages: dict[int, list[tuple[str, str]]] = {}
    while snapshot_of(run).iteration < 3:
        run.advance()
        assert run.state == "running"
        assert run.wait == pytest.approx(STAGE_SECONDS)
        view = snapshot_of(run).walk
        assert view is not None
        stages.setdefault(view.iteration, []).append((view.network, view.stage))
        clock.now += STAGE_SECONDS
    assert stages[1] == stages[2] == stages[3]
    assert len(set(stages[1])) > 8
    snapshot = snapshot_of(run)
    assert snapshot.iterations_per_second == pytest.approx(1 / (len(stages[1]) * STAGE_SECONDS))
    assert snapshot.trace.iteration.tolist() == [1, 2, 3]
    assert same(weights(tmp_path), trained(3))


# Every runner ----------------------------------------------------------------------------------------------


def test_weights_do_not_depend_on_the_speed_or_its_changes(make: Make, tmp_path: Path) -> None:
    runner = make()
    ask(runner)

    def go_on(speed: Speed, count: int = 4) -> None:
        runner.send(speed)
        runner.send(Play())
        before = until(runner, lambda report: report.settled).snapshot
        assert before is not None
        until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration >= before.iteration + count)

    go_on(Speed())
    go_on(Speed(200))
    runner.send(Speed(slow_motion=True))
    inside = until(runner, lambda r: r.snapshot is not None and r.snapshot.walk is not None).snapshot
    assert inside is not None
    assert inside.walk is not None
    assert inside.walk.iteration == inside.iteration + 1
    go_on(Speed(200), 1)
    go_on(Speed())
    last = ask(runner, Pause())
    assert last.trace.iteration.tolist() == list(range(1, last.iteration + 1))
    assert same(weights(tmp_path / "run"), trained(last.iteration))
    unwatched = ask(make(tiny(), "unwatched"), Step(last.iteration))
    # The reference path, which slow motion follows, sums the gradient norms in another order.
    np.testing.assert_allclose(last.trace.values, unwatched.trace.values, rtol=1e-4)


def test_a_limited_run_is_never_faster_than_its_limit(make: Make) -> None:
    runner, limit = make(), 20
    ask(runner, Speed(limit))
    began = time.monotonic()
    runner.send(Play())
    report = until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration >= 20)
    elapsed = time.monotonic() - began
    assert report.snapshot is not None
    assert report.snapshot.iteration <= 1 + limit * (elapsed + CATCH_UP)
    assert 0 < report.snapshot.iterations_per_second <= limit * 1.2
    assert report.snapshot.speed == Speed(limit)


def test_a_click_is_acted_on_while_a_slow_run_waits(make: Make) -> None:
    runner = make()
    ask(runner, Speed(0.02))
    runner.send(Play())
    until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration == 1)
    began = time.monotonic()
    assert ask(runner, Pause()).iteration == 1
    assert ask(runner, Step(2)).iteration == 3
    assert time.monotonic() - began < 10, "the next iteration is due in 50 seconds"


def test_a_run_keeps_its_speed_over_pause_and_play(make: Make) -> None:
    runner, speed = make(), Speed(slow_motion=True)
    assert ask(runner).speed == Speed()
    assert ask(runner, speed).speed == speed
    assert ask(runner, Play(), Pause(), Play(), state="running").speed == speed
    first = until(runner, lambda r: r.snapshot is not None and r.snapshot.walk is not None)
    assert first.state == "running"
    assert ask(runner, Pause()).speed == speed


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_waiting_process_uses_hardly_any_processor_time(make_process: Make) -> None:
    runner = make_process()
    assert isinstance(runner, ProcessRunner)
    ask(runner, Speed(1), Play(), state="running")
    until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration >= 1)

    def ticks() -> int:
        fields = Path(f"/proc/{runner.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])  # in user and in system mode, hundredths of a second

    before = ticks()
    time.sleep(1.5)  # the time itself in which a waiting run uses the processor
    assert ticks() - before < 30


@pytest.mark.parametrize(("limit", "seconds"), [(25.0, 2.05), (None, 0.05)])
def test_the_time_between_the_iterations_of_a_slow_run_is_there_for_its_moments(
    limit: float | None, seconds: float
) -> None:
    plan = Plan()
    plan.set_speed(Speed(limit))
    for iteration in range(1, 51):
        plan.speedometer.add(0.001, iteration)
        plan.advance()
    assert plan.time == pytest.approx(seconds)
