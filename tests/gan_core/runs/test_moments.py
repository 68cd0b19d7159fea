"""Moments of a run: bounded, evenly spread, exact, and a branch from one is the run itself."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core import GANConfig
from gan_core.runs import moments
from gan_core.runs.inline import InlineRunner
from gan_core.runs.moments import Moment, Moments, read_all, read_moment, read_state
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Play, Reconfigure, Sample, Step
from gan_core.runs.registry import Registry
from gan_core.runs.run import Run
from gan_core.runs.store import Store
from gan_core.training.checkpoint import Checkpoint, CheckpointError
from tests.gan_core.runs.support import Make, ask, trained, until, weights
from tests.gan_core.support import same, tiny

POINTS = {"dataset": "eight_gaussians", "latent_dim": 2}


@pytest.fixture(autouse=True)
def every_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep moments however long they take; processes of their own do not know this."""
    monkeypatch.setattr(moments, "COST", math.inf)


def keep(kept: Moments, iteration: int, size: int = 4) -> None:
    kept.keep(Moment(iteration, np.full((4, 2, 2), iteration, np.float32), None))
    kept.keep_state(Checkpoint({"weights": np.zeros(size)}, {"iteration": iteration}))


def test_moments_are_kept_at_growing_distances_and_thinned_evenly(tmp_path: Path) -> None:
    kept = Moments(tmp_path)
    for iteration in range(20_000):
        if kept.due(iteration, 0.0):
            keep(kept, iteration)
    assert len(kept.views) == moments.MOST
    assert kept.views[0] == 0
    assert kept.views[-1] > 20_000 * (1 - 2 * moments.GROWTH)
    assert kept.views == sorted(kept.views)
    steps = [(after + 1) / (before + 1) for before, after in zip(kept.views[8:], kept.views[9:], strict=False)]
    assert max(steps) < 1.35, "no gap is much larger than the others"
    again = Moments(tmp_path)
    assert (again.views, again.states) == (kept.views, kept.states)
    assert not again.due(kept.views[-1] + 1, 0.0)


def test_states_are_bounded_in_bytes_and_the_newest_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOST_BYTES", 60_000)
    kept = Moments(tmp_path)
    for iteration in range(300):
        if kept.due(iteration, 0.0):
            keep(kept, iteration, 1000)
            files = list((tmp_path / "moments").iterdir())
            assert sum(path.stat().st_size for path in files) <= 60_000
    assert 3 <= len(kept.states) <= 6
    assert kept.states[-1] == kept.views[-1]
    assert {int(path.name.split(".")[0]) for path in files if path.name.endswith(".state")} == set(kept.states)


def test_keeping_moments_takes_a_bounded_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "COST", 0.01)
    kept = Moments(tmp_path)
    keep(kept, 0)
    kept.wait(seconds=10.0, view=0.01, state=0.02)
    assert not kept.due(1000, 10.9)
    assert kept.due(1000, 11.1)
    assert not kept.state_due(11.9)
    assert kept.state_due(12.1)
    kept.wait(seconds=20.0, view=9.0, state=9.0)
    assert kept.due(1000, 20.1 + moments.LONGEST_WAIT)
    assert kept.state_due(20.1 + 5 * moments.LONGEST_WAIT)


@pytest.mark.parametrize("changes", [{}, POINTS])
def test_a_moment_is_what_the_page_showed(make_inline: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    runner = make_inline(tiny(**changes))
    shown = {snapshot.iteration: snapshot for snapshot in (ask(runner, Step()) for _ in range(9))}
    last = shown[9]
    assert last.moments == tuple(range(10))
    assert last.states == tuple(range(1, 10))
    for iteration, snapshot in shown.items():
        moment = read_moment(tmp_path / "run", iteration)
        np.testing.assert_array_equal(moment.fake, snapshot.fake)
        if snapshot.points is not None:
            assert moment.points is not None
            for name, value in vars(snapshot.points).items():
                np.testing.assert_array_equal(getattr(moment.points, name), value)
    assert [moment.iteration for moment in read_all(tmp_path / "run")] == list(range(10))


def test_moments_are_of_the_same_noise_whatever_is_shown(make_inline: Make, tmp_path: Path) -> None:
    runner = make_inline()
    ask(runner, Step(2), Sample(9), Step(1))
    assert not np.array_equal(read_moment(tmp_path / "run", 3).fake, ask(runner).fake)
    ask(runner, Sample(0))
    np.testing.assert_array_equal(read_moment(tmp_path / "run", 3).fake, ask(runner).fake)


def test_a_training_run_keeps_moments_and_they_do_not_change_it(make: Make, tmp_path: Path) -> None:
    runner = make()
    ask(runner, Play(), state="running")
    report = until(runner, lambda report: report.snapshot is not None and len(report.snapshot.moments) > 1)
    assert report.snapshot is not None
    assert report.snapshot.moments[0] == 0
    end = ask(runner, Step()).iteration
    assert same(weights(tmp_path / "run"), trained(end))


@pytest.mark.parametrize("name", ["3.view", "3.state"])
def test_a_moment_that_is_gone_or_damaged_is_refused(make_inline: Make, tmp_path: Path, name: str) -> None:
    ask(make_inline(), Step(4))
    read = read_moment if name.endswith("view") else read_state
    (tmp_path / "run" / "moments" / name).write_bytes(b"no moment")
    with pytest.raises(CheckpointError):
        read(tmp_path / "run", 3)
    with pytest.raises(OSError, match="No such file"):
        read(tmp_path / "run", 77)


# Branches --------------------------------------------------------------------------------------------------------


def parent(registry: Registry, config: GANConfig | None = None) -> Run:
    run = registry.create(config or tiny(), owner="me")
    for _ in range(6):
        run.send(Step())
    assert run.poll(30).snapshot.iteration == 6  # type: ignore[union-attr]
    return run


@pytest.mark.parametrize("kind", [InlineRunner, ProcessRunner])
def test_a_branch_without_a_change_ends_in_the_parents_own_weights(tmp_path: Path, kind: Any) -> None:
    registry = Registry(kind, store=Store(tmp_path))
    run = parent(registry)
    at = run.poll().snapshot.states[0]  # type: ignore[union-attr]
    branch = registry.branch(run.id, at)
    snapshot = branch.poll(30).snapshot
    assert snapshot is not None
    assert (snapshot.iteration, snapshot.fork, snapshot.states[-1]) == (at, at, at)
    assert snapshot.trace.iteration.tolist() == list(range(1, at + 1)), "its history is the parent's"
    branch.send(Step(6 - at))
    branch.runner.save()
    assert same(weights(branch.folder), trained(6))
    assert registry.undo(run.id) is run, "the parent is not lost"
    registry.close()


def test_a_branch_goes_its_own_way_from_a_change_on(tmp_path: Path) -> None:
    registry = Registry(InlineRunner, store=Store(tmp_path))
    run = parent(registry)
    run.send(Reconfigure(tiny(learning_rate_g=0.01)))
    branch = registry.branch(run.id, 3)
    assert branch.config == tiny(), "the settings are those of then"
    branch.send(Reconfigure(tiny(learning_rate_g=0.005)))
    branch.send(Step(3))
    branch.runner.save()
    assert not same(weights(branch.folder), trained(6))
    report = branch.poll().snapshot
    assert report is not None
    assert report.marks[-1].iteration == 3
    registry.close()


def test_a_branch_of_a_moment_that_is_gone_leaves_the_run(tmp_path: Path) -> None:
    registry = Registry(InlineRunner, store=Store(tmp_path))
    run = parent(registry)
    with pytest.raises(OSError, match="No such file"):
        registry.branch(run.id, 99)
    assert registry.get(run.id) is run
    registry.close()
