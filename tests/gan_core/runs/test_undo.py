"""A restart destroys nothing at once: the trained run is kept for undo, and its curves as a ghost."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from gan_core.history import History, Trace
from gan_core.metrics import COLUMNS
from gan_core.runs.inline import InlineRunner
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Play, Report, Speed, Step, Update, Walk
from gan_core.runs.registry import Registry
from gan_core.runs.replaced import UNDO_SECONDS
from gan_core.runs.run import Run
from gan_core.runs.saved import RUN_FILE
from gan_core.snapshot import GHOST_ROWS, Ghost, Snapshot
from tests.gan_core.support import BROKEN, tiny


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Replace the registry's clock by one that only a test moves."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("gan_core.runs.registry.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry(InlineRunner)
    yield made
    made.close()


def trained_run(registry: Registry, iterations: int = 3, seed: int = 1) -> Run:
    run = registry.create(tiny(seed=seed))
    run.send(Step(iterations))
    return run


def snapshot_of(run: Run | None) -> Snapshot:
    assert run is not None
    report: Report = run.poll(5)
    assert report.snapshot is not None
    return report.snapshot


def ended(run: Run) -> bool:
    return not run.folder.exists()


@pytest.mark.parametrize("make_runner", [InlineRunner, ProcessRunner])
def test_undo_brings_back_the_replaced_run_paused_where_it_was(make_runner: type) -> None:
    registry = Registry(make_runner)
    old = trained_run(registry)
    old.send(Play())
    old.poll(0.1)
    new = registry.restart(old.id, tiny(seed=2))
    assert registry.get(old.id) is new
    assert registry.can_undo(old.id)
    assert registry.undo(old.id) is registry.get(old.id) is old
    assert ended(new), "an untrained run is not kept"
    report = old.poll(5)
    assert report.snapshot is not None
    assert (report.state, report.snapshot.config.seed) == ("paused", 1)
    assert report.snapshot.iteration >= 3
    old.send(Step())
    assert snapshot_of(old).iteration == report.snapshot.iteration + 1
    assert not registry.can_undo(old.id)
    assert registry.undo(old.id) is None
    assert registry.get(old.id) is old
    registry.close()
    assert (old.folder / RUN_FILE).exists(), "it is saved"


def test_a_second_undo_takes_the_first_one_back(registry: Registry) -> None:
    first = trained_run(registry)
    second = registry.restart(first.id, tiny(seed=2))
    second.send(Step(5))
    for expected in (first, second, first):
        assert registry.undo(first.id) is expected
        assert registry.get(first.id) is expected
        assert registry.can_undo(first.id)
    assert [snapshot_of(run).iteration for run in (first, second)] == [3, 5]


def test_an_untrained_run_is_closed_at_once_and_the_trained_one_before_it_stays(registry: Registry) -> None:
    first = registry.create(tiny(seed=1))
    second = registry.restart(first.id, tiny(seed=2))
    assert ended(first)
    assert not registry.can_undo(first.id)
    second.send(Update("D"))  # any update counts
    third = registry.restart(first.id, tiny(seed=3))
    fourth = registry.restart(first.id, tiny(seed=4))
    assert ended(third)
    assert registry.undo(first.id) is second
    assert ended(fourth)


def test_only_the_last_replaced_run_is_kept(registry: Registry) -> None:
    first = trained_run(registry)
    second = registry.restart(first.id, tiny(seed=2))
    second.send(Step())
    registry.restart(first.id, tiny(seed=3))
    assert ended(first)
    assert registry.undo(first.id) is second


def test_a_replaced_run_ends_when_its_time_is_over(registry: Registry, clock: SimpleNamespace) -> None:
    old = trained_run(registry)
    new = registry.restart(old.id, tiny(seed=2))
    clock.now += UNDO_SECONDS - 1
    registry.sweep()
    assert registry.can_undo(old.id)
    clock.now += 1
    assert not registry.can_undo(old.id)
    registry.sweep()
    assert ended(old)
    assert registry.undo(old.id) is None
    assert registry.get(old.id) is new
    assert not ended(new)


def test_a_replaced_run_ends_with_the_run_that_replaced_it(registry: Registry) -> None:
    old = trained_run(registry)
    new = registry.restart(old.id, tiny(seed=2))
    registry.end(old.id)
    assert ended(old)
    assert ended(new)


def test_only_so_many_replaced_runs_are_kept_and_the_oldest_end_first(
    registry: Registry, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_core.runs.replaced.MAX_REPLACED", 2)
    runs = [trained_run(registry, seed=seed) for seed in (1, 2, 3)]
    for run in runs:
        registry.restart(run.id, tiny(seed=9))
        clock.now += 1
    assert [ended(run) for run in runs] == [True, False, False]
    assert [registry.can_undo(run.id) for run in runs] == [False, True, True]


def test_a_failed_run_can_be_brought_back_with_its_charts(registry: Registry) -> None:
    old = registry.create(tiny(**BROKEN, loss="least_squares"))
    old.send(Step(50))
    failed = old.poll()
    assert failed.state == "failed"
    registry.restart(old.id, tiny())
    restored = registry.undo(old.id)
    assert restored is old
    assert restored.poll() == failed


def test_a_new_run_goes_on_at_the_speed_of_the_one_before(registry: Registry) -> None:
    old = trained_run(registry)
    old.send(Speed(5))
    new = registry.restart(old.id, tiny(seed=2))
    assert snapshot_of(new).speed == new.speed == Speed(5)
    new.send(Speed(25))
    restored = registry.undo(old.id)
    assert snapshot_of(restored).speed == Speed(25)


# Ghosts ----------------------------------------------------------------------------------------------------


def test_a_restarted_run_shows_the_trained_one_before_as_its_ghost(registry: Registry) -> None:
    old = trained_run(registry, iterations=7)
    trace = snapshot_of(old).trace
    assert snapshot_of(old).ghost is None
    new = registry.restart(old.id, tiny(seed=2))
    for report in (new.poll(), new.poll(0.3)):
        assert report.snapshot is not None
        ghost = report.snapshot.ghost
        assert ghost is not None
        assert ghost.config == tiny(seed=1)
        np.testing.assert_array_equal(ghost.trace.values, trace.values)
    untrained_again = registry.restart(old.id, tiny(seed=3))
    assert snapshot_of(untrained_again).ghost == ghost, "an untrained run leaves none"


def test_after_undo_the_ghost_is_the_run_that_was_taken_back(registry: Registry) -> None:
    old = trained_run(registry, iterations=3)
    new = registry.restart(old.id, tiny(seed=2))
    new.send(Step(5))
    ghost = snapshot_of(registry.undo(old.id)).ghost
    assert ghost is not None
    assert (ghost.config.seed, len(ghost.trace.iteration)) == (2, 5)


def test_an_untrained_run_that_is_taken_back_leaves_no_ghost(registry: Registry) -> None:
    old = trained_run(registry)
    registry.restart(old.id, tiny(seed=2))
    assert snapshot_of(registry.undo(old.id)).ghost is None


def test_a_run_of_single_updates_leaves_the_ghost_before_it(registry: Registry) -> None:
    old = trained_run(registry)
    new = registry.restart(old.id, tiny(seed=2))
    new.send(Update("G"))
    ghost = snapshot_of(registry.restart(old.id, tiny(seed=3))).ghost
    assert ghost is not None
    assert ghost.config.seed == 1
    assert registry.undo(old.id) is new


def test_a_begun_iteration_without_an_update_counts_as_untrained(registry: Registry) -> None:
    old = registry.create(tiny())
    old.send(Walk("stage"))
    registry.restart(old.id, tiny(seed=2))
    assert ended(old)


@pytest.mark.parametrize("iterations", [0, 1, GHOST_ROWS, GHOST_ROWS + 1, 1000, 4097, 100_001])
def test_a_ghost_keeps_running_means_of_the_first_and_the_last_iterations(iterations: int) -> None:
    values = np.random.default_rng(0).normal(size=(iterations, len(COLUMNS))).astype(np.float32)
    history = History()
    history.extend(values)
    whole = history.trace()
    trace: Trace = Ghost.of(tiny(), whole).trace
    assert min(iterations, GHOST_ROWS // 2) <= len(trace.iteration) <= GHOST_ROWS
    assert set(trace.iteration[:10]) >= set(whole.iteration[:3])
    assert trace.iteration[-1:].tolist() == whole.iteration[-1:].tolist()
    rows = np.searchsorted(whole.iteration, trace.iteration)
    for column in COLUMNS:
        np.testing.assert_array_equal(trace.column(column), whole.running_mean(column)[rows])
