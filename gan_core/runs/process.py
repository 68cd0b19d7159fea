"""A run in a child process: it can be killed, its crash is its own, and the page's Python is not slowed by it."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gan_core.config import GANConfig
from gan_core.runs.protocol import Command, Failure, Report, Save
from gan_core.snapshot import Snapshot
from gan_core.training.threads import yield_while_waiting

if TYPE_CHECKING:
    from gan_core.runs.worker import Worker

FORKSERVER = sys.platform == "linux"  # elsewhere a fork after importing PyTorch is not safe
# What every run imports. The last is what PyTorch's optimisers import on their first use (a second).
PRELOAD = ["numpy", "pydantic", "PIL.Image", "safetensors.torch", "torch", "torch._dynamo"]
NICE = 10  # the page's process goes first: drawing is short, training is long


@dataclass(frozen=True)
class _Poll:
    since: int


@dataclass(frozen=True)
class _Saved:
    done: bool


@dataclass(frozen=True)
class _Answer:
    """A report, its snapshot without the real samples where they are those of the last one: they are half of the bytes."""

    report: Report
    same_real: bool

    def report_after(self, last: Snapshot | None) -> Report:
        """As the worker made it; ``last`` is the snapshot of the answer before."""
        snapshot = self.report.snapshot
        if not self.same_real or snapshot is None or last is None:
            return self.report
        return replace(self.report, snapshot=replace(snapshot, real=last.real))


def context() -> multiprocessing.context.BaseContext:
    """A fork of a clean server that has imported PyTorch already; where there is no fork, a new interpreter."""
    yield_while_waiting()
    if not FORKSERVER:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


def warm_up() -> None:
    """Start the server that runs are forked from, so that the first run need not wait for it."""
    if FORKSERVER:
        from multiprocessing import forkserver

        context()
        forkserver.ensure_running()


class ProcessRunner:
    """The page's end of a child process. Safe to use from several threads."""

    def __init__(self, run_id: str, config: GANConfig, folder: Path) -> None:
        processes = context()
        self._lock = threading.Lock()
        self._report = Report("starting")
        self._asked = False  # a poll is on its way and not answered
        self._stale = False  # and a command was sent after it
        self._saves = 0  # on their way and not answered
        self._saved = False  # the last answer
        self._closed = False
        self._connection, child_end = processes.Pipe()
        self._process = processes.Process(  # type: ignore[attr-defined]
            target=serve, args=(child_end, run_id, config, folder), name=f"gan-run-{run_id}", daemon=True
        )
        self._process.start()
        child_end.close()  # or the child's death would not be seen on this end

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        pid: int | None = self._process.pid
        return pid

    def send(self, command: Command) -> None:
        with self._lock:
            self._stale = self._asked
            self._say(command)

    def poll(self, wait: float = 0.3) -> Report:
        with self._lock:
            deadline = time.monotonic() + wait
            while self._stale and self._hear(deadline):
                pass  # an answer from before the last command: nobody should act on it
            if not self._asked:
                snapshot = self._report.snapshot
                self._asked = self._say(_Poll(-1 if snapshot is None else snapshot.revision))
            while self._asked and self._hear(deadline):
                pass
            return replace(self._report, settled=not self._asked)

    def save(self, wait: float = 10.0) -> bool:
        with self._lock:
            deadline = time.monotonic() + wait
            if not self._say(Save()):
                return False
            while self._saves and self._hear(deadline):
                pass
            return self._saved and not self._saves

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._connection.close()
            self._process.kill()
            self._process.join()

    def _say(self, message: object) -> bool:
        if self._closed or self._report.state == "failed":
            return False
        try:
            self._connection.send(message)
        except OSError:
            self._died()
            return False
        self._saves += isinstance(message, Save)
        return True

    def _hear(self, deadline: float) -> bool:
        """Take one message if it comes before ``deadline``, in time.monotonic()'s seconds."""
        try:
            if not self._connection.poll(max(0.0, deadline - time.monotonic())):
                return False
            message = self._connection.recv()
        except (EOFError, OSError):
            self._died()
            return False
        if isinstance(message, _Saved):
            self._saves -= 1
            self._saved = message.done
        else:
            self._asked = self._stale = False
            report = message.report_after(self._report.snapshot)
            snapshot = self._report.snapshot if report.snapshot is None else report.snapshot
            self._report = replace(report, snapshot=snapshot)
        return True

    def _died(self) -> None:
        self._process.join(1)
        self._asked = self._stale = False
        self._report = replace(self._report, state="failed", failure=Failure(_obituary(self._process.exitcode)))


def _obituary(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        reason = f"The training process was killed ({name})."
        if name == "SIGKILL":
            reason += " If nobody did that on purpose, the machine ran out of memory: try smaller hidden sizes."
        return reason
    return f"The training process ended unexpectedly (exit code {exitcode})."


def serve(connection: Connection, run_id: str, config: GANConfig, folder: Path) -> None:
    """The child: train, and look at the commands between two slices. Ends when the page's end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the server, which then hangs up
    if hasattr(os, "nice"):
        os.nice(NICE)
    from gan_core.runs.worker import Worker  # PyTorch: in the child alone, the page does without

    worker = Worker(run_id, config, folder)
    worker.start()
    desk = _Desk(connection, worker)
    try:
        while True:
            while connection.poll(0 if worker.busy else None):
                desk.take(connection.recv())
            worker.advance()
    except (EOFError, OSError):
        return


class _Desk:
    """The child's end of the connection."""

    def __init__(self, connection: Connection, worker: "Worker") -> None:
        self._connection = connection
        self._worker = worker
        self._real: NDArray[np.float32] | None = None  # what the page has been sent

    def take(self, message: "_Poll | Command") -> None:
        """Answer a poll, carry out a command."""
        if isinstance(message, _Poll):
            self._connection.send(self._answer(self._worker.report(message.since)))
            return
        self._worker.handle(message)
        if isinstance(message, Save):
            self._connection.send(_Saved(self._worker.state != "failed"))

    def _answer(self, report: Report) -> _Answer:
        snapshot = report.snapshot
        if snapshot is None:
            return _Answer(report, same_real=False)
        if snapshot.real is not self._real:
            self._real = snapshot.real
            return _Answer(report, same_real=False)
        return _Answer(replace(report, snapshot=replace(snapshot, real=snapshot.real[:0])), same_real=True)
