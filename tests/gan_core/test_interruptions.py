"""Signals, ``kill -9``, a closed terminal and a full disk: what the command line has trained is kept."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gan_core import Trainer
from gan_core.files import PARTIAL
from gan_core.signals import stop_on_signals
from gan_core.training import headless, results
from tests.gan_core.support import disk_limit, needs_disk_limit
from tests.gan_core.test_resume import CSV, OPTIONS, ROOT, contents, resume, rows, saved, train

posix = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to another process")


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 60 iterations that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert train(folder, 60) == 0
    return folder


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], object]], None]:
    """Return a function that lets an action happen within an iteration."""
    step_into, actions = Trainer.step_into, {}

    def step(trainer: Trainer, row: Any) -> None:
        actions.get(trainer.iteration + 1, lambda: None)()
        step_into(trainer, row)

    monkeypatch.setattr(Trainer, "step_into", step)
    return actions.__setitem__


@contextmanager
def training(folder: Path, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Train without an end in a process of its own; it has saved something."""
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "gan_core",
        "train",
        "--iterations",
        "100000000",
        "--out",
        str(folder),
    ]
    command += [*OPTIONS, "--save-every", "0.02", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        deadline = time.monotonic() + 60
        while not (folder / "run.safetensors").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        yield process
        process.kill()


# Signals -----------------------------------------------------------------------------------------------------

SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_finishes_the_iteration_and_saves(
    number: signal.Signals, tmp_path: Path, whole_run: Path, at: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    at(23, lambda: signal.raise_signal(number))
    before = [signal.getsignal(one) for one in SIGNALS]
    assert train(tmp_path / "my run", 60) == 128 + number
    assert [signal.getsignal(one) for one in SIGNALS] == before
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"Stopped at iteration 23; saved in {tmp_path / 'my run'}. Go on: python -m gan_core train --resume"
        f' "{tmp_path / "my run"}"'
    )
    assert saved(tmp_path / "my run") == rows(tmp_path / "my run")[-1] == 23
    at(23, lambda: None)
    assert resume(tmp_path / "my run") == 0
    assert contents(tmp_path / "my run") == contents(whole_run)


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_from_another_process_saves(name: str, tmp_path: Path) -> None:
    number = getattr(signal, name)
    with training(tmp_path / "run") as process:
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (128 + number, "")
    assert errors.splitlines()[-1].startswith(f"Stopped at iteration {saved(tmp_path / 'run'):,}; saved in {tmp_path}")
    assert saved(tmp_path / "run") == rows(tmp_path / "run")[-1]


@posix
def test_a_closed_terminal_saves(tmp_path: Path) -> None:
    import fcntl
    import termios

    terminal, inner = os.openpty()
    take = lambda: fcntl.ioctl(inner, termios.TIOCSCTTY, 0)  # noqa: E731
    files = {"stdin": inner, "stdout": inner, "stderr": inner}
    with training(tmp_path / "run", **files, start_new_session=True, preexec_fn=take) as process:
        os.close(inner)
        os.close(terminal)
        assert process.wait(30) == 128 + signal.SIGHUP
    assert saved(tmp_path / "run") == rows(tmp_path / "run")[-1]
    assert set(contents(tmp_path / "run")) == set(results.RESULT_FILES) - {"changes.json"}


def test_a_second_signal_ends_at_once(
    tmp_path: Path, at: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for first, second, echo in ((signal.SIGTERM, signal.SIGINT, 9.0), (signal.SIGTERM, signal.SIGTERM, -1.0)):
        monkeypatch.setattr("gan_core.signals.ECHO", echo)
        at(23, lambda first=first, second=second: (signal.raise_signal(first), signal.raise_signal(second)))
        assert train(tmp_path, 60, "--overwrite") == 130
        assert capsys.readouterr().err.splitlines()[-1] == "Stopped."
        assert set(contents(tmp_path)) == {"config.json", "metrics.csv"}


def test_one_signal_that_is_sent_twice_counts_once(tmp_path: Path, at: Any) -> None:
    """``timeout`` and a closed terminal do so."""
    at(23, lambda: [signal.raise_signal(signal.SIGTERM) for _ in range(2)])
    assert train(tmp_path, 60) == 128 + signal.SIGTERM
    assert saved(tmp_path) == 23


@posix
def test_a_signal_before_training_leaves_no_temporary_files(tmp_path: Path) -> None:
    data, temporary = tmp_path / "points.csv", tmp_path / "temporary"
    data.write_text(CSV)
    temporary.mkdir()
    code = (
        "import os, runpy, signal, sys\nfrom gan_core.training import trainer\n"
        "trainer.Trainer.__init__ = lambda *_: print(os.listdir(os.environ['TMPDIR'])) or signal.raise_signal(signal.SIGTERM)\n"
        f"sys.argv = ['gan_core', 'train', '--iterations', '9', '--out', {str(tmp_path / 'out')!r}, '--data', {str(data)!r}]\n"
        "runpy.run_module('gan_core', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "Stopped.")
    assert "gan-own-" in done.stdout
    assert list(temporary.iterdir()) == []


@posix
def test_a_killed_process_leaves_no_copy_of_the_learners_data(tmp_path: Path) -> None:
    data, temporary = tmp_path / "points.csv", tmp_path / "temporary"
    data.write_text(CSV)
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with training(tmp_path / "run", "--data", str(data), env=environment) as process:
        process.kill()
    assert list(temporary.glob("gan-own-*")) == []


def test_a_signal_during_a_save_lets_it_finish(
    tmp_path: Path, whole_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = results.save_networks
    monkeypatch.setattr(results, "save_networks", lambda *_: (signal.raise_signal(signal.SIGTERM), usual(*_)))
    assert train(tmp_path, 60, "--save-every", "0.000001") == 128 + signal.SIGTERM
    assert saved(tmp_path) == rows(tmp_path)[-1] == 1
    monkeypatch.undo()
    assert resume(tmp_path) == 0
    assert contents(tmp_path) == contents(whole_run)


def test_without_sighup_the_other_signals_work(tmp_path: Path, at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    at(23, lambda: signal.raise_signal(signal.SIGTERM))
    assert train(tmp_path, 60) == 128 + signal.SIGTERM
    assert saved(tmp_path) == 23


@posix
def test_an_ignored_signal_stays_ignored() -> None:
    """``nohup`` lets a process outlive its terminal so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_on_signals() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert not stop.is_set()
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


# kill -9 -----------------------------------------------------------------------------------------------------


@posix
def test_a_killed_run_continues_bit_for_bit_from_its_last_save(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with training(killed) as process:
        time.sleep(0.1)  # a moment in the middle of its training
        process.kill()
    reached = saved_state(killed)
    assert 0 < reached <= rows(killed)[-1]
    assert resume(killed, "--iterations", str(reached + 7)) == 0
    assert train(whole, reached + 7) == 0
    assert contents(killed) == contents(whole)


def saved_state(folder: Path) -> int:
    iteration = int(results.read_header(folder / "run.safetensors")["iteration"])
    assert iteration == results.read_run(folder).state.iteration
    return iteration


def test_a_run_is_saved_every_minute_however_long_its_iterations_take(
    tmp_path: Path, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, saves, usual = [0.0], [], results.write_saved
    monkeypatch.setattr(headless, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(results, "write_saved", lambda *_: (saves.append(_[1].iteration), usual(*_)))
    for iteration in range(1, 61):
        at(iteration, lambda: clock.__setitem__(0, clock[0] + 7))
    assert train(tmp_path, 60) == 0
    assert saves == [9, 18, 27, 36, 45, 54, 60]


@posix
@pytest.mark.parametrize("again", ["resume", "overwrite"])
def test_partial_files_of_a_killed_writer_are_removed_at_the_next_start(
    again: str, tmp_path: Path, whole_run: Path
) -> None:
    assert train(tmp_path, 30) == 0
    (tmp_path / f"{PARTIAL}0000-run.safetensors").write_bytes(b"half")
    (tmp_path / "lock").touch()
    assert (resume(tmp_path, "--iterations", "60") if again == "resume" else train(tmp_path, 60, "--overwrite")) == 0
    assert contents(tmp_path) == contents(whole_run)


# Full disk ---------------------------------------------------------------------------------------------------

FULL = "File too large"  # what the system says at the limit; of a full disk it says "No space left on device"


def full(folder: Path, size: int) -> AbstractContextManager[None]:
    """Leave so many bytes for the table, which are too few for the networks."""
    return disk_limit((folder / "metrics.csv").stat().st_size + size)


@needs_disk_limit
@pytest.mark.parametrize("size", [60, 40_000])  # the first leaves no room for the table either, but for half a row
def test_training_goes_on_while_the_disk_is_full(
    size: int, tmp_path: Path, whole_run: Path, at: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, disk = tmp_path / "run", ExitStack()
    kept: dict[str, bytes] = {}
    at(21, lambda: (kept.update(contents(folder)), disk.enter_context(full(folder, size))))
    at(40, lambda: disk.close() or kept.update(now=contents(folder)))  # type: ignore[call-overload]
    assert train(folder, 60, "--save-every", "0.000001") == 0
    now: Any = kept.pop("now")
    table = kept.pop("metrics.csv")
    last = now.pop("metrics.csv")
    assert last.startswith(table)
    assert last.endswith(b"\n")
    assert now == kept, "the last good files, and no half ones"
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("This run")]
    assert said == [
        f"This run cannot be saved in {folder}: {FULL}. Training goes on and the save is tried again. It has the run of"
        " iteration 20.",
        f"This run is saved in {folder} again. It has the run of iteration 40.",
    ]
    assert contents(folder) == contents(whole_run)


@needs_disk_limit
@pytest.mark.parametrize("end", ["finished", "stopped"])
@pytest.mark.parametrize("size", [60, 40_000])
def test_a_disk_that_is_full_at_the_end_keeps_the_last_save(
    end: str, size: int, tmp_path: Path, whole_run: Path, at: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = ExitStack()
    at(21, lambda: disk.enter_context(full(tmp_path, size)))
    if end == "stopped":
        at(33, lambda: signal.raise_signal(signal.SIGTERM))
    with disk:
        code = train(tmp_path, 60, "--save-every", "0.000001")
    assert code == (2 if end == "finished" else 143)
    done = "Trained to iteration 60" if end == "finished" else "Stopped at iteration 33"
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"{done}, which cannot be saved in {tmp_path}: {FULL}. It has the run of iteration 20.",
        f"Go on: python -m gan_core train --resume {tmp_path}",
    ]
    assert saved(tmp_path) == 20
    for iteration in (21, 33):
        at(iteration, lambda: None)
    assert resume(tmp_path) == 0
    assert contents(tmp_path) == contents(whole_run)


@needs_disk_limit
def test_a_disk_that_takes_no_save_at_all_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with disk_limit(40_000):
        assert train(tmp_path, 20) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"Trained to iteration 20, which cannot be saved in {tmp_path}: {FULL}. It has no saved run yet."
    )
    assert set(contents(tmp_path)) == {"config.json", "metrics.csv"}


def test_a_folder_that_is_removed_ends_no_training(tmp_path: Path, at: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at(21, lambda: shutil.rmtree(tmp_path / "run"))
    assert train(tmp_path / "run", 60, "--save-every", "0.000001") == 2
    said = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("This run cannot be saved in ") for line in said) == 1
    assert said[-1].endswith("No such file or directory. It has no saved run yet.")
