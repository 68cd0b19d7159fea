"""A run's whole state on disk: whatever ends its process, a new one continues it bit for bit."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_core.files import PARTIAL
from gan_core.runs import saving
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Pause, Play, Reconfigure, Sample, Save, Speed, Step, Update, Walk
from gan_core.runs.saved import ACCESS_FILE, RUN_FILE
from gan_core.runs.worker import Worker
from gan_core.snapshot import Change
from gan_core.training.checkpoint import Checkpoint, read_header
from tests.gan_core.runs.support import Make, ask, failed, saved_iteration, trained, until, weights
from tests.gan_core.support import needs_cuda, same, tiny

FASTER = {"learning_rate_g": 1e-3}


def test_a_new_process_continues_a_killed_run_with_all_that_the_page_shows(make_process: Make, tmp_path: Path) -> None:
    first = make_process()
    before = ask(first, Step(5), Update("D"), Reconfigure(tiny(**FASTER)), Sample(7), Speed(25.0), Step(2))
    assert isinstance(first, ProcessRunner)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    failed(first)
    after = ask(make_process())
    assert (after.iteration, after.updates_d, after.updates_g) == (7, 8, 14)
    assert (after.marks, after.singles, after.speed) == (before.marks, before.singles, before.speed)
    assert after.trace.iteration.tolist() == before.trace.iteration.tolist()
    np.testing.assert_array_equal(after.trace.values, before.trace.values)
    np.testing.assert_array_equal(after.fake, before.fake)
    assert (after.sample_seed, after.config, after.initial) == (7, tiny(**FASTER), tiny())
    assert after.changes == (Change(5, {"update": "D"}), Change(5, FASTER))
    assert after.seconds == before.seconds


@pytest.mark.parametrize("changes", [{}, {"dataset": "eight_gaussians", "latent_dim": 2}])
def test_a_continued_run_ends_in_the_weights_of_one_that_was_never_interrupted(
    make: Make, tmp_path: Path, changes: dict[str, Any]
) -> None:
    ask(make(tiny(**changes)), Step(6))
    assert ask(make(tiny(**changes)), Step(11)).iteration == 17
    assert same(weights(tmp_path / "run"), trained(17, **changes))


def test_a_state_saved_within_an_iteration_is_that_of_its_beginning(make: Make, tmp_path: Path) -> None:
    runner = make()
    ask(runner, Step(3), *[Walk()] * 9, Save())
    continued = ask(make())
    assert continued.iteration == 3
    assert continued.walk is None
    assert ask(make(), Step(2)).iteration == 5
    assert same(weights(tmp_path / "run"), trained(5))


def test_a_run_that_has_not_trained_leaves_no_state(make: Make, tmp_path: Path) -> None:
    ask(make(), Save(), Pause())
    assert not (tmp_path / "run" / RUN_FILE).exists()


def test_training_saves_the_state_without_being_asked(
    make_inline: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "SAVE_STATE_EVERY", 0.2)
    runner = make_inline()
    ask(runner, Play(), state="running")
    until(runner, lambda _: (tmp_path / "run" / RUN_FILE).exists())
    assert read_header(tmp_path / "run" / RUN_FILE)["iteration"] > 0


def test_a_power_cut_after_a_save_cannot_take_it(
    make_inline: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino) or real(file))
    ask(make_inline(), Step())
    assert (tmp_path / "run" / RUN_FILE).stat().st_ino in synced


@pytest.mark.parametrize("kept", [0, 2000, -1])
def test_a_damaged_state_is_refused_and_stays_where_it_is(make: Make, tmp_path: Path, kept: int) -> None:
    ask(make(), Step())
    path = tmp_path / "run" / RUN_FILE
    damaged = path.read_bytes()[:kept]
    path.write_bytes(damaged)
    (tmp_path / "run" / ACCESS_FILE).touch()  # a folder that can be opened again
    report = failed(make())
    assert report.failure is not None
    assert report.failure.message.startswith("The saved run cannot be opened: It is")
    assert "damaged" in report.failure.message
    assert report.failure.message.endswith(f"It stays where it is, {path}.")
    assert path.read_bytes() == damaged


def test_the_state_of_other_settings_is_refused(make: Make, tmp_path: Path) -> None:
    ask(make(), Step())
    path = tmp_path / "run" / RUN_FILE
    held = Checkpoint.read(path.read_bytes())
    Checkpoint(held.arrays, held.record | {"config": held.record["config"] | {"latent_dim": 5}}).write(path)
    report = failed(make())
    assert report.failure is not None
    assert report.failure.message.startswith("The saved run cannot be opened: generator.0.weight is float32")
    assert "with these settings it should be" in report.failure.message


@pytest.mark.parametrize(
    ("device", "here"),
    [
        ("cuda", "this machine has no device 'cuda'"),
        ("cpu", "Device = 'cpu' is a CPU here"),  # as "auto" is, on a machine without a GPU
    ],
)
def test_a_run_of_a_gpu_is_refused_where_there_is_none(make: Make, tmp_path: Path, device: str, here: str) -> None:
    if torch.cuda.is_available() and device == "cuda":
        pytest.skip("there is one")
    ask(make(), Step())
    path = tmp_path / "run" / RUN_FILE
    held = Checkpoint.read(path.read_bytes())
    of_a_gpu = {name: np.zeros(16, np.uint8) for name in held.arrays if name.startswith("random.")}
    config = held.record["config"] | {"device": device}
    Checkpoint(held.arrays | of_a_gpu, held.record | {"config": config}).write(path)
    report = failed(make())
    assert report.failure is not None
    assert report.failure.refusal
    assert report.failure.message == (
        f"The saved run cannot be opened: It was trained on a GPU, where alone its random numbers go on, and {here}. Open it"
        " where that device is a GPU; its generator alone opens anywhere."
    )


@needs_cuda
def test_a_run_of_a_cpu_is_refused_where_its_device_is_a_gpu(make_inline: Make, tmp_path: Path) -> None:
    ask(make_inline(), Step())
    path = tmp_path / "run" / RUN_FILE
    held = Checkpoint.read(path.read_bytes())
    Checkpoint(held.arrays, held.record | {"config": held.record["config"] | {"device": "auto"}}).write(path)
    report = failed(make_inline())
    assert report.failure is not None
    assert "It was trained on a CPU" in report.failure.message
    assert "Device = 'auto' is a GPU here" in report.failure.message


def test_a_process_that_lives_on_does_not_save_over_the_run_that_was_continued(make: Make, tmp_path: Path) -> None:
    old = make()
    ask(old, Step(2))
    ask(make(), Step(3))
    ask(old, Step(1), Save())
    assert read_header(tmp_path / "run" / RUN_FILE)["iteration"] == 5
    assert saved_iteration(tmp_path / "run") == 5


def test_a_run_is_saved_when_the_pages_process_dies(tmp_path: Path) -> None:
    runner = ProcessRunner("run", tiny(), tmp_path)
    ask(runner, Play(), state="running")
    trains = until(runner, lambda report: report.snapshot is not None and report.snapshot.iteration > 20)
    assert trains.snapshot is not None
    runner._connection.close()
    runner._process.join(10)
    assert not runner._process.is_alive()
    assert read_header(tmp_path / RUN_FILE)["iteration"] >= trains.snapshot.iteration


# A kill at any moment ---------------------------------------------------------------------------------------------


def _train_and_save_without_pause(folder: Path, ready: Any) -> None:
    saving.SAVE_STATE_EVERY = 0.0
    worker = Worker("run", tiny(), folder)
    worker.start()
    worker.handle(Play())
    ready.set()
    while True:
        worker.advance()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills a process at once")
def test_after_a_kill_at_any_moment_the_state_is_whole_and_continues_bit_for_bit(
    make_inline: Make, tmp_path: Path
) -> None:
    moments = random.Random(3)
    folder = tmp_path / "run"
    folder.mkdir()
    processes = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    reached = 0
    for _ in range(int(os.environ.get("GAN_KILLS", "6"))):
        ready = processes.Event()
        training = processes.Process(target=_train_and_save_without_pause, args=(folder, ready))
        training.start()
        assert ready.wait(60)
        time.sleep(moments.uniform(0, 0.15))  # any moment, within a save or outside
        training.kill()
        training.join()
        if (folder / RUN_FILE).exists():
            iteration = Checkpoint.read((folder / RUN_FILE).read_bytes()).iteration
            assert iteration >= reached
            reached = iteration
    assert reached > 0
    runner = make_inline()
    ask(runner)
    assert not list(folder.glob(f"{PARTIAL}*")), "what killed saves left is removed"
    end = ask(runner, Step(3)).iteration
    assert end >= reached + 3
    assert same(weights(folder), trained(end))
