"""A full disk or a folder that was removed ends no training: it goes on, says so, and saves again."""

import errno
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_core.export import weights
from gan_core.runs import active_run, saving
from gan_core.runs.inline import InlineRunner
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Pause, Play, Save, Step
from gan_core.runs.registry import Registry
from gan_core.runs.run import CannotStart
from gan_core.runs.worker import Worker
from tests.gan_core.runs.support import Make, ask, saved_iteration, starter, until
from tests.gan_core.support import own_file, tiny


class Disk:
    """A disk that is full while a test says so."""

    full = False

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = saving.save_networks

        def save(folder: Path, trainer: Any) -> None:
            if self.full:
                (folder / ".half").write_bytes(b"x")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
            usual(folder, trainer)

        monkeypatch.setattr(saving, "save_networks", save)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(saving, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(saving, "SHARE", math.inf)
    return Disk(monkeypatch)


@pytest.fixture(params=[InlineRunner, ProcessRunner])
def make(request: Any, tmp_path: Path) -> Iterator[Make]:
    yield from starter(request.param, tmp_path)


def problem(worker: Worker) -> str:
    report = worker.report()
    assert report.state != "failed", report.failure
    return report.warning


def started(folder: Path) -> Worker:
    worker = Worker("run", tiny(), folder)
    worker.start()
    return worker


def test_training_goes_on_while_the_disk_is_full_and_the_save_is_tried_again(tmp_path: Path, disk: Disk) -> None:
    worker = started(tmp_path)
    worker.handle(Step(3))
    assert problem(worker) == ""
    disk.full = True
    worker.handle(Play())
    for _ in range(5):
        worker.advance(0)
    assert worker.state == "running"
    assert problem(worker) == (
        f"This run cannot be saved in {tmp_path.parent}: No space left on device. Training goes on and the save is tried"
        " again; until then, Download gives the generator of iteration 3."
    )
    assert saved_iteration(tmp_path) == 3
    disk.full = False
    worker.advance(0)
    assert problem(worker) == ""
    assert saved_iteration(tmp_path) == 9


def test_the_warning_of_a_full_disk_is_true_of_a_paused_and_of_a_failed_run(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = started(tmp_path)
    worker.handle(Step(3))
    disk.full = True
    worker.handle(Play())
    worker.advance(0)
    assert "Training goes on" in problem(worker)
    worker.handle(Pause())
    full = f"This run cannot be saved in {tmp_path.parent}: No space left on device."
    kept = "Download gives the generator of iteration 3."
    assert problem(worker) == f"{full} The save is tried again; until then, {kept}"
    monkeypatch.setattr(active_run.ActiveRun, "step", None)
    worker.handle(Step(1))
    assert worker.state == "failed"
    assert worker.report().warning == f"{full} {kept}"


def test_the_iteration_of_a_generator_on_a_full_disk_is_that_of_its_file(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk took G and not D; or another process saved the generator, before the run was opened again."""
    worker = started(tmp_path)
    worker.handle(Step(3))
    usual = weights.write_tensors

    def no_room_for_d(path: Path, *of: Any) -> None:
        if path.name == weights.DISCRIMINATOR_FILE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        usual(path, *of)

    monkeypatch.setattr(weights, "write_tensors", no_room_for_d)
    worker.handle(Step(2))
    assert saved_iteration(tmp_path) == 5
    assert problem(worker).endswith("Download gives the generator of iteration 5.")
    disk.full = True
    again = started(tmp_path)
    assert problem(again).endswith("Download gives the generator of iteration 5.")


@pytest.mark.parametrize("command", [Pause(), Save(), Step(1)])
def test_a_command_that_saves_does_not_fail_on_a_full_disk(tmp_path: Path, disk: Disk, command: Any) -> None:
    worker = started(tmp_path)
    worker.handle(Play())
    worker.advance(0)
    disk.full = True
    worker.handle(command)
    assert "cannot be saved" in problem(worker)
    assert not worker.saved
    worker.handle(Step(1))
    assert worker.report().snapshot.iteration > 1  # type: ignore[union-attr]


def test_a_paused_run_is_saved_again_when_its_page_asks_for_it(tmp_path: Path, disk: Disk) -> None:
    worker = started(tmp_path)
    disk.full = True
    worker.handle(Step(4))
    assert "cannot be saved" in problem(worker)
    disk.full = False
    assert problem(worker) == ""
    assert saved_iteration(tmp_path) == 4


def test_a_failing_save_is_not_tried_at_every_poll(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "SAVE_EVERY", 60.0)
    worker = started(tmp_path)
    disk.full = True
    worker.handle(Step(1))
    tried = []
    monkeypatch.setattr(saving, "save_networks", lambda *_: tried.append(1))
    for _ in range(3):
        assert "cannot be saved" in problem(worker)
    assert not tried


def test_a_run_begins_on_a_full_disk_and_says_that_there_is_no_generator(tmp_path: Path, disk: Disk) -> None:
    disk.full = True
    worker = started(tmp_path)
    assert problem(worker).endswith("until then, Download has no generator.")
    worker.handle(Step(2))
    disk.full = False
    assert problem(worker) == ""
    assert saved_iteration(tmp_path) == 2


def test_the_numbers_are_those_of_a_run_on_a_healthy_disk(tmp_path: Path, disk: Disk) -> None:
    (tmp_path / "healthy").mkdir()
    (tmp_path / "full").mkdir()
    worker = started(tmp_path / "healthy")
    worker.handle(Step(6))
    disk.full = True
    other = started(tmp_path / "full")
    for _ in range(6):
        other.handle(Step(1))
        other.report()
    disk.full = False
    other.handle(Save())
    for name in ("generator.safetensors", "discriminator.safetensors"):
        assert (tmp_path / "full" / name).read_bytes() == (tmp_path / "healthy" / name).read_bytes()


def test_a_removed_folder_is_made_again(make: Make, tmp_path: Path) -> None:
    runner = make()
    ask(runner, Step(2))
    shutil.rmtree(tmp_path / "run")
    assert runner.save()
    assert saved_iteration(tmp_path / "run") == 2
    assert (tmp_path / "run").stat().st_mode & 0o077 == 0
    runner.send(Play())
    shutil.rmtree(tmp_path / "run")
    until(runner, lambda report: report.snapshot is not None and report.snapshot.iteration > 20)
    ask(runner, Pause())
    assert runner.poll().warning == ""
    assert saved_iteration(tmp_path / "run") > 20


def test_a_file_in_the_folders_place_is_reported_until_it_is_gone(make: Make, tmp_path: Path) -> None:
    runner = make()
    ask(runner, Step(2))
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "run").write_text("in the way")
    assert not runner.save()
    assert ask(runner, Step(1)).iteration == 3
    assert runner.poll().warning.startswith(f"This run cannot be saved in {tmp_path}: ")
    (tmp_path / "run").unlink()
    assert runner.save()
    ask(runner, Step(1))
    assert runner.poll().warning == ""


# The registry -------------------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, for one test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("GAN_RUNS_DIR", str(folder))
    return folder


def test_the_generator_of_a_run_whose_folder_was_removed_can_be_downloaded(temporary: Path) -> None:
    registry = Registry(ProcessRunner)
    run = registry.create(tiny())
    run.send(Step(2))
    run.poll(30)
    shutil.rmtree(temporary)
    assert run.generator_file()
    registry.close()


def test_a_run_begins_and_restarts_where_the_temporary_folder_was_removed(temporary: Path) -> None:
    registry = Registry(ProcessRunner)
    shutil.rmtree(temporary)
    run = registry.create(tiny())
    shutil.rmtree(temporary)
    run = registry.restart(run.id, tiny(seed=2))
    assert run.poll(30).state == "paused"
    assert run.generator_file()
    registry.close()


def test_a_temporary_folder_that_cannot_be_used_refuses_a_run_with_a_sentence(temporary: Path) -> None:
    registry = Registry(InlineRunner)
    run = registry.create(tiny())
    run.send(Step(1))
    shutil.rmtree(temporary)
    temporary.write_text("in the way")
    for begin in (lambda: registry.create(tiny()), lambda: registry.restart(run.id, tiny(seed=2))):
        with pytest.raises(CannotStart, match=r"^No run can begin on this server, because the folder for runs, "):
            begin()
    assert registry.get(run.id) is run
    run.send(Step(1))
    assert run.poll().snapshot.iteration == 2  # type: ignore[union-attr]
    registry.close()


def test_a_server_without_a_process_left_refuses_a_run_with_a_sentence(temporary: Path) -> None:
    def no_process(*_: Any) -> InlineRunner:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    registry = Registry(no_process)
    with pytest.raises(CannotStart, match=r"^No run can begin on this server: Resource temporarily unavailable\.$"):
        registry.create(tiny())
    assert list(temporary.iterdir()) == []


def test_a_restart_whose_own_data_was_removed_says_that_it_must_be_uploaded_again(
    temporary: Path, tmp_path: Path
) -> None:
    path, settings = own_file(tmp_path)
    registry = Registry(InlineRunner)
    run = registry.create(tiny(**settings), path)
    run.send(Step(1))
    path.unlink()
    shutil.rmtree(temporary)
    run.send(Step(1))
    assert run.poll().snapshot.iteration == 2  # type: ignore[union-attr]
    with pytest.raises(CannotStart, match="upload the pictures again"):
        registry.restart(run.id, tiny(**settings, seed=2))
    assert registry.get(run.id) is run
    registry.close()
