"""A run in a child process: it can be killed, and neither its crash nor its load affects the page's Python."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE
from gan_core.runs.limit import limit_memory
from gan_core.runs.protocol import Command, Failure, Report, Save
from gan_core.runs.turns import Turn, Turns, shared_turns
from gan_core.snapshot import Snapshot
from gan_core.training.threads import yield_while_waiting

FORKSERVER = sys.platform == "linux"  # elsewhere a fork after importing PyTorch is not safe
# Imports of every run. PyTorch's optimisers import the last one on first use, which takes a second.
PRELOAD = ["torch", "torch._dynamo", "safetensors.torch", "gan_core.runs.worker"]
NICE = 10  # the page's process has priority: its work is short


@dataclass(frozen=True)
class _Poll:
    since: int


@dataclass(frozen=True)
class _Saved:
    done: bool


def worker_context() -> multiprocessing.context.BaseContext:
    """Return the context that starts a run: a fork server with PyTorch imported or, without fork, a new interpreter."""
    yield_while_waiting()
    if not FORKSERVER:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


def lower_priority() -> None:
    """Have this process give way to the page's."""
    if hasattr(os, "nice"):
        os.nice(NICE)


def start_fork_server() -> None:
    """Start the fork server, so that the first run does not wait for it."""
    if FORKSERVER:
        from multiprocessing import forkserver

        worker_context()
        forkserver.ensure_running()


class ProcessRunner:
    """Runs a worker in a child process. Safe to use from several threads."""

    def __init__(self, run_id: str, config: GANConfig, folder: Path, turns: Turns | None = None) -> None:
        processes = worker_context()
        self._turns = turns or shared_turns()
        self._lock = threading.Lock()
        self._report = Report("starting")
        self._poll_pending = False  # a poll was sent and not answered yet
        self._poll_outdated = False  # a command was sent after the pending poll
        self._saves_pending = 0
        self._last_save_done = False
        self._closed = False
        self._connection, child_end = processes.Pipe()
        self._turn, childs_turn = processes.Pipe()
        self._process = processes.Process(  # type: ignore[attr-defined]
            target=serve, args=(child_end, childs_turn, run_id, config, folder), name=f"gan-run-{run_id}", daemon=True
        )
        self._process.start()
        for end in (child_end, childs_turn):
            end.close()  # otherwise the child's death would not be noticed here
        self._turns.join(self._turn)

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        pid: int | None = self._process.pid
        return pid

    def send(self, command: Command) -> None:
        with self._lock:
            self._poll_outdated = self._poll_pending
            self._send(command)

    def poll(self, wait: float = 0.3) -> Report:
        with self._lock:
            deadline = time.monotonic() + wait
            while self._poll_outdated and self._receive(deadline):
                pass  # drops an answer from before the last command
            if not self._poll_pending:
                snapshot = self._report.snapshot
                self._poll_pending = self._send(_Poll(-1 if snapshot is None else snapshot.revision))
            while self._poll_pending and self._receive(deadline):
                pass
            return replace(self._report, settled=not self._poll_pending, place=self._turns.place(self._turn))

    def save(self, wait: float = 10.0) -> bool:
        with self._lock:
            deadline = time.monotonic() + wait
            if not self._send(Save()):
                return False
            while self._saves_pending and self._receive(deadline):
                pass
            return self._last_save_done and not self._saves_pending

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._turns.leave(self._turn)
            self._connection.close()
            self._process.kill()
            self._process.join()

    def _send(self, message: object) -> bool:
        if self._closed or self._report.state == "failed":
            return False
        try:
            self._connection.send(message)
        except OSError:
            self._fail()
            return False
        self._saves_pending += isinstance(message, Save)
        return True

    def _receive(self, deadline: float) -> bool:
        """Receive one message; False if none comes before ``deadline``, in time.monotonic()'s seconds."""
        try:
            if not self._connection.poll(max(0.0, deadline - time.monotonic())):
                return False
            message = self._connection.recv()
        except (EOFError, OSError):
            self._fail()
            return False
        if isinstance(message, _Saved):
            self._saves_pending -= 1
            self._last_save_done = message.done
        else:
            self._poll_pending = self._poll_outdated = False
            known, snapshot = self._report.snapshot, message.snapshot
            if known is not None:
                snapshot = known if snapshot is None else snapshot.completed_by(known)
            self._report = replace(message, snapshot=snapshot)
        return True

    def _fail(self) -> None:
        self._process.join(1)
        self._poll_pending = self._poll_outdated = False
        self._report = replace(self._report, state="failed", failure=Failure(_describe_exit(self._process.exitcode)))


def _describe_exit(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        reason = f"The training process was killed ({name})."
        if name == "SIGKILL":
            reason += (
                " Unless it was killed on purpose, the machine probably ran out of memory: try smaller hidden sizes."
            )
        return reason
    return f"The training process ended unexpectedly (exit code {exitcode})."


def _without(report: Report, sent: Snapshot | None) -> Report:
    """Leave out of the report's snapshot what the one that was sent before contained."""
    if report.snapshot is None or sent is None:
        return report
    return replace(report, snapshot=report.snapshot.without(sent))


def serve(connection: Connection, turns: Connection, run_id: str, config: GANConfig, folder: Path) -> None:
    """Run in the child: train in its turns, and handle commands between two slices until the page's end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal stops the server, which closes the connection
    lower_priority()
    from gan_core.runs.worker import Worker  # imports PyTorch, which the page's process never does

    limit_memory(config, folder / OWN_FILE)
    worker = Worker(run_id, config, folder)
    worker.start()
    turn = Turn(turns)
    sent: Snapshot | None = None
    try:
        while True:
            # A command is carried out at once, even while a slow run waits, or one whose turn it is not.
            while connection in turn.wait(connection, worker.needs_turn, worker.wait):
                message = connection.recv()
                if isinstance(message, _Poll):
                    report = worker.report(message.since)
                    connection.send(_without(report, sent))
                    sent = report.snapshot or sent
                    continue
                worker.handle(message)
                if isinstance(message, Save):
                    connection.send(_Saved(worker.saved))
            if turn.has or not worker.needs_turn:
                worker.advance()
    except (EOFError, OSError):  # the page's process is gone, in whatever way
        worker.handle(Save())
