"""Work in a process of its own: it tells how far it is, it can be called off, its crash is its own."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gan_core.data.errors import DataError
from gan_core.data.progress import Progress, ReportProgress
from gan_core.runs.jobs import Job, JobDone, JobFailed, Jobs, State

DEADLINE = 30.0  # seconds: the first child waits for the server that it is forked from


def add(first: int, second: int, report: ReportProgress) -> int:
    report(Progress("Adding", 1, 2, "numbers"))
    return first + second


def refuse(report: ReportProgress) -> None:
    raise DataError("field = 1 is not possible.")


def stumble(report: ReportProgress) -> None:
    raise KeyError("what")


def die(report: ReportProgress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def linger(folder: str, report: ReportProgress) -> None:
    with TemporaryDirectory(dir=folder):
        report(Progress("Lingering"))
        time.sleep(60)


def until(preparation: Job, wanted: Callable[[State], bool]) -> State:
    began = time.monotonic()
    while not wanted(state := preparation.poll(0.05)):
        assert time.monotonic() - began < DEADLINE, f"still {state}"
    return state


def ended(state: State) -> bool:
    return not isinstance(state, Progress)


def test_its_result_comes_back() -> None:
    assert until(Job(add, 2, 3), ended) == JobDone(5)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (refuse, "field = 1 is not possible."),
        (stumble, "The work failed with KeyError: 'what'"),
        (die, "The work ended unexpectedly (exit code -9)."),
    ],
)
def test_what_goes_wrong_comes_back_as_a_sentence(work: Callable[..., None], said: str) -> None:
    assert until(Job(work), ended) == JobFailed(said)


def test_called_off_it_cleans_up_and_ends(tmp_path: Path) -> None:
    preparation = Job(linger, str(tmp_path))
    until(preparation, lambda state: state == Progress("Lingering"))
    assert list(tmp_path.iterdir())
    preparation.cancel()
    assert preparation.poll() == JobFailed("Cancelled.")
    assert list(tmp_path.iterdir()) == []
    preparation.cancel()


def test_who_wants_the_same_waits_for_the_same_process(tmp_path: Path) -> None:
    preparations = Jobs()
    first = preparations.want("set", "ann", linger, str(tmp_path))
    assert preparations.want("set", "bob", linger, str(tmp_path)) is first
    assert preparations.want("other", "ann", add, 1, 1) is not first
    until(first, lambda state: state == Progress("Lingering"))
    preparations.leave("set", "ann")
    assert not ended(first.poll()), "bob still waits for it"
    preparations.leave("set", "bob")
    assert ended(first.poll()), "nobody waits for it any more"
    preparations.leave("set", "bob")
    assert preparations.want("set", "ann", add, 1, 1) is not first
    preparations.leave("set", "ann")
    preparations.leave("other", "ann")
