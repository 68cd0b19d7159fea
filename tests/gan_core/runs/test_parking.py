"""Where memory is short, a run that is replaced gives its process up, and nothing that it has learnt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_core.config import GANConfig
from gan_core.export.weights import GENERATOR_FILE
from gan_core.memory import estimate
from gan_core.runs.budget import Budget, OverBudget, within
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Pause, Play, Report, Speed, Step
from gan_core.runs.registry import Registry
from gan_core.runs.run import CannotStart, Run
from gan_core.runs.store import Store
from tests.gan_core.runs.support import until
from tests.gan_core.support import tiny

ONE = estimate(tiny()).run


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A server that has memory for one run and a half."""
    budget = Budget(ONE * 3 // 2, ONE * 3 // 2)
    made = Registry(within(budget, ProcessRunner), store=Store(tmp_path), budget=budget)
    yield made
    made.close()


def trained(registry: Registry, iterations: int = 3) -> Run:
    run = registry.create(tiny())
    run.send(Step(iterations))
    return run


def report_of(run: Run) -> Report:
    return until(run.runner, lambda report: report.settled and report.state != "starting")


def iteration_of(run: Run | None) -> int:
    assert run is not None
    snapshot = report_of(run).snapshot
    assert snapshot is not None
    return snapshot.iteration


def test_a_run_of_most_of_the_memory_is_reset_and_brought_back_as_it_was(registry: Registry) -> None:
    old = trained(registry)
    weights = old.generator_file()
    new = registry.restart(old.id, tiny(seed=2))
    assert registry.get(old.id) is new
    new.send(Step(5))
    assert iteration_of(new) == 5
    assert registry.can_undo(old.id)
    assert registry._budget.held == ONE, "only one of them has a process"
    assert registry.undo(old.id) is old
    assert (iteration_of(old), old.generator_file()) == (3, weights)
    assert registry.undo(old.id) is new, "and that is undone, too"
    assert iteration_of(new) == 5
    assert registry._budget.held == ONE


def test_a_branch_of_most_of_the_memory_begins(registry: Registry) -> None:
    old = trained(registry)
    old.send(Pause())
    until(old.runner, lambda report: report.settled)
    branch = registry.branch(old.id, 3)
    assert iteration_of(branch) == 3
    assert registry._budget.held == ONE


def test_a_run_whose_replacement_cannot_begin_trains_on(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    old = trained(registry)
    old.send(Play())
    before = iteration_of(old)
    make = registry._make_runner

    def fails_for_seed_9(run_id: str, config: GANConfig, folder: Path) -> Any:
        if config.seed == 9:
            raise CannotStart("No process is available.")
        return make(run_id, config, folder)

    monkeypatch.setattr(registry, "_make_runner", fails_for_seed_9)
    with pytest.raises(CannotStart, match="No process is available"):
        registry.restart(old.id, tiny(seed=9))
    assert registry.get(old.id) is old
    assert report_of(old).state == "running"
    assert iteration_of(old) >= before
    assert registry._budget.held == ONE


def test_a_run_whose_memory_another_one_has_taken_says_so_and_goes_on_later(registry: Registry) -> None:
    run, budget = trained(registry), registry._budget
    assert run.park()
    budget.reserve("another run", ONE)
    with pytest.raises(OverBudget):
        run.unpark()
    report = run.poll()
    assert report.state == "failed"
    assert report.failure is not None
    assert report.failure.message == "This run waits for memory, which another run of this server has now."
    assert report.snapshot is not None, "its charts stay"
    assert run.saved_iteration == 3
    run.send(Step(1))
    assert budget.held == ONE, "a parked run sets nothing aside"
    budget.release("another run")
    run.go_on()
    assert iteration_of(run) == 3


def test_a_run_that_cannot_be_saved_keeps_its_process(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry._budget.total *= 2
    old = trained(registry)
    registry.restart(old.id, tiny(seed=2))
    monkeypatch.setattr(old.runner, "save", lambda wait=0.0: False)
    assert not registry._replaced.park_one()
    assert iteration_of(registry.undo(old.id)) == 3
    assert not old.parked


def test_undo_that_finds_no_memory_is_kept_for_later(registry: Registry) -> None:
    old = trained(registry)
    new = registry.restart(old.id, tiny(seed=2))
    assert old.parked
    new.runner.close()
    registry._budget.reserve("another run", ONE)
    with pytest.raises(OverBudget, match="try again when another run has ended"):
        registry.undo(old.id)
    assert registry.get(old.id) is new
    assert registry.can_undo(old.id)
    registry._budget.release("another run")
    assert registry.undo(old.id) is old


def test_slow_motion_that_does_not_fit_costs_a_replaced_run_nothing(registry: Registry) -> None:
    old = trained(registry)
    registry._budget.total = ONE * 2 + estimate(tiny()).walk
    registry._budget.per_run = registry._budget.total
    old.send(Speed(slow_motion=True))
    until(old.runner, lambda report: report.settled)
    branch = registry.branch(old.id, 3)
    assert registry.can_undo(old.id)
    assert registry.get(old.id) is branch
    assert (old.folder / GENERATOR_FILE).exists()
