"""A run's worker, without a runner."""

import math
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from gan_core.runs import saving
from gan_core.runs.active_run import ActiveRun
from gan_core.runs.protocol import Failure, Pause, Play, Save, Step, Update
from gan_core.runs.worker import Worker
from gan_core.training.trainer import Trainer
from tests.gan_core.support import BROKEN, all_finite, needs_cuda, tiny


def worker(folder: Path, **changes: Any) -> Worker:
    started = Worker("run", tiny(**changes), folder)
    started.start()
    return started


@pytest.mark.parametrize("command", [Save(), Pause(), Step(0), Update("D")])
@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_broken_weights_are_not_saved(tmp_path: Path, command: Any, network: str) -> None:
    """An update's metrics are older than its weights, so the weights must be checked too."""
    run = worker(tmp_path)
    run.handle(Step(2))
    trainer = run._active().trainer
    getattr(trainer, network)[0].bias.data[3] = math.nan if isinstance(command, Update) else math.inf
    run.handle(command)
    report = run.report()
    assert report.state == "failed"
    assert report.failure is not None
    assert report.snapshot is not None
    if not isinstance(command, Update):
        beginning = f"0.bias of the {network} became inf at iteration 2: the training has diverged."
        assert report.failure.message.startswith(beginning)
    assert report.snapshot.samples_iteration == 2
    for file in tmp_path.glob("*.safetensors"):
        assert all(value.isfinite().all() for value in load_file(file).values())


def test_each_state_is_rendered_only_when_polled_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = worker(tmp_path)
    made = []
    render = ActiveRun.render
    monkeypatch.setattr(ActiveRun, "render", lambda active: made.append(1) or render(active))
    run.handle(Play())
    for _ in range(5):
        run.advance(0)
    assert not made
    first = run.report().snapshot
    assert first is not None
    assert first.iteration == 5
    assert run.report().snapshot is first
    assert len(made) == 1
    assert run.report(since=first.revision).snapshot is None
    run.advance(0)
    second = run.report(since=first.revision).snapshot
    assert second is not None
    assert second.iteration == 6


def test_advance_trains_at_least_one_iteration_and_only_if_running(tmp_path: Path) -> None:
    run = worker(tmp_path)
    run.advance(10)
    assert run.report().snapshot.iteration == 0  # type: ignore[union-attr]
    run.handle(Play())
    run.advance(0)
    assert run.report().snapshot.iteration == 1  # type: ignore[union-attr]


def test_seconds_include_the_devices_computing_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU accepts work faster than it computes it."""
    run = worker(tmp_path)
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    monkeypatch.setattr(Trainer, "synchronize", lambda trainer: clock.append(clock.pop() + 0.02))
    run.handle(Step(3))
    assert run.report().snapshot.seconds == pytest.approx(0.06)  # type: ignore[union-attr]


def test_a_running_run_is_saved_at_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = worker(tmp_path)
    first = (tmp_path / "generator.safetensors").read_bytes()
    run.handle(Play())
    run.advance(0)
    assert (tmp_path / "generator.safetensors").read_bytes() == first
    monkeypatch.setattr(saving, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(saving, "SHARE", math.inf)
    run.advance(0)
    assert (tmp_path / "generator.safetensors").read_bytes() != first


def test_networks_are_saved_more_rarely_where_that_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    usual = saving.save_networks

    def slowly(folder: Path, trainer: Trainer) -> None:
        clock[0] += seconds
        usual(folder, trainer)

    monkeypatch.setattr(saving, "save_networks", slowly)
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    seconds = 0.01
    run = worker(tmp_path)._active()
    assert [run.saver.networks_due(after) for after in (2.9, 3.1)] == [False, True]
    seconds = 0.1
    run.checkpoint()
    assert [run.saver.networks_due(after) for after in (19.9, 20.1)] == [False, True]
    seconds = 0.01
    run.save()
    assert run.saver.networks_due(3.1), "one slow save delays no other"


@needs_cuda
def test_divergence_on_a_gpu_ends_the_trace_before_the_broken_iteration(tmp_path: Path) -> None:
    """Metrics are read in blocks there, so divergence is found some iterations late."""
    run = worker(tmp_path, **BROKEN, loss="least_squares", device="cuda")
    run.handle(Step(300))
    report = run.report()
    assert report.failure is not None
    assert report.snapshot is not None
    trace = report.snapshot.trace
    assert f"at iteration {len(trace.iteration) + 1}: the training has diverged." in report.failure.message
    assert all_finite(trace)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("A plain sentence."), "A plain sentence."),
        (
            MemoryError(),
            "There was no memory left for this run. Smaller hidden sizes or a smaller batch size need less.",
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "There was no memory left for this run. Smaller hidden sizes or a smaller batch size need less.",
        ),
        (RuntimeError("first line\nsecond"), "Training stopped on an error: RuntimeError: first line"),
        (RuntimeError(), "Training stopped on an error: RuntimeError: no message"),
    ],
)
def test_a_failure_has_a_message_and_a_traceback(error: Exception, message: str) -> None:
    try:
        raise error
    except Exception as raised:
        failure = Failure.of(raised)
    assert failure.message == message
    assert failure.details.startswith("Traceback")
    assert "raise error" in failure.details
