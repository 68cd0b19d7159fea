"""Work in a child process: progress, results, failures and cancelling."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gan_core.data.errors import DataError
from gan_core.data.progress import Progress, ReportProgress
from gan_core.runs.jobs import MAX_MEMORY, Job, JobDone, JobFailed, Jobs, State

DEADLINE = 30.0  # seconds; the first child waits until the fork server has started


def add(first: int, second: int, report: ReportProgress) -> int:
    report(Progress("Adding", 1, 2, "numbers"))
    return first + second


def refuse(report: ReportProgress) -> None:
    raise DataError("field = 1 is not possible.")


def fail(report: ReportProgress) -> None:
    raise KeyError("what")


def allocate(count: int, report: ReportProgress) -> int:
    return len(bytearray(count))


def die(report: ReportProgress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def linger(folder: str, report: ReportProgress) -> None:
    with TemporaryDirectory(dir=folder):
        report(Progress("Lingering"))
        time.sleep(60)  # it must still live when it is cancelled


def until(job: Job, wanted: Callable[[State], bool]) -> State:
    began = time.monotonic()
    while not wanted(state := job.poll(0.05)):
        assert time.monotonic() - began < DEADLINE, f"still {state}"
    return state


def ended(state: State) -> bool:
    return not isinstance(state, Progress)


def test_a_job_returns_its_result() -> None:
    assert until(Job(add, 2, 3), ended) == JobDone(5)


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (refuse, "field = 1 is not possible."),
        (fail, "The background process failed with KeyError: 'what'"),
        (die, "The background process ended unexpectedly (exit code -9)."),
    ],
)
def test_a_failing_job_reports_the_reason(work: Callable[..., None], sentence: str) -> None:
    assert until(Job(work), ended) == JobFailed(sentence)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_job_cannot_allocate_more_memory_than_the_limit() -> None:
    assert until(Job(allocate, MAX_MEMORY // 2), ended) == JobDone(MAX_MEMORY // 2)
    state = until(Job(allocate, MAX_MEMORY + 1), ended)
    assert isinstance(state, JobFailed)
    assert state.message.startswith("The background process failed with MemoryError")


def test_a_cancelled_job_removes_its_temporary_files_and_ends(tmp_path: Path) -> None:
    job = Job(linger, str(tmp_path))
    until(job, lambda state: state == Progress("Lingering"))
    assert list(tmp_path.iterdir())
    job.cancel()
    assert job.poll() == JobFailed("Cancelled.")
    assert list(tmp_path.iterdir()) == []
    job.cancel()


def test_visitors_who_want_the_same_job_share_one_process(tmp_path: Path) -> None:
    jobs = Jobs()
    first = jobs.want("mnist", "ann", linger, str(tmp_path))
    assert jobs.want("mnist", "bob", linger, str(tmp_path)) is first
    assert jobs.want("other", "ann", add, 1, 1) is not first
    until(first, lambda state: state == Progress("Lingering"))
    jobs.leave("mnist", "ann")
    assert not ended(first.poll()), "bob still waits for the job"
    jobs.leave("mnist", "bob")
    assert ended(first.poll()), "nobody waits for the job any more"
    jobs.leave("mnist", "bob")
    assert jobs.want("mnist", "ann", add, 1, 1) is not first
    jobs.leave("mnist", "ann")
    jobs.leave("other", "ann")
