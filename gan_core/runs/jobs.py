"""Long-running work in a child process, which reports its progress and can be cancelled."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from gan_core.data.errors import DataError
from gan_core.data.progress import Progress
from gan_core.runs.process import NICE, worker_context

CLEAN_UP = 2.0  # seconds that a cancelled process has for cleaning up before it is killed
MAX_MEMORY = 2 * 2**30  # bytes that a job may allocate; the largest picture that is accepted takes 1 GB


@dataclass(frozen=True)
class JobDone:
    """The work is done; ``result`` is what it returned."""

    result: Any = None


@dataclass(frozen=True)
class JobFailed:
    """The work failed or was cancelled; a page may show the message."""

    message: str


State = Progress | JobDone | JobFailed


class Job:
    """Run ``work(*arguments, report)`` in a child process. Safe to use from several threads.

    ``work`` is a module-level function, its arguments and result can be pickled, and it calls ``report`` with its
    Progress.
    """

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        self._lock = threading.Lock()
        self._state: State = Progress("Starting")
        self._connection, child_end = worker_context().Pipe(duplex=False)
        self._process = worker_context().Process(  # type: ignore[attr-defined]
            target=_serve, args=(child_end, work, arguments), name=f"gan-job-{work.__name__}", daemon=True
        )
        self._process.start()
        child_end.close()  # otherwise the child's end would not be noticed here

    def poll(self, wait: float = 0.0) -> State:
        """Return the newest state, waiting at most ``wait`` seconds for one."""
        with self._lock:
            while isinstance(self._state, Progress) and self._connection.poll(wait):
                try:
                    self._state = self._connection.recv()
                except (EOFError, OSError):
                    self._process.join(1)
                    self._state = JobFailed(
                        f"The background process ended unexpectedly (exit code {self._process.exitcode})."
                    )
            return self._state

    def cancel(self) -> None:
        """Stop the work, which cleans up its temporary files. Does nothing if it has ended."""
        with self._lock:
            if isinstance(self._state, Progress):
                self._state = JobFailed("Cancelled.")
            self._process.terminate()
            self._process.join(CLEAN_UP)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()


def _serve(connection: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal stops the server, which stops its children
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # raises SystemExit, so temporary files are removed
    if hasattr(os, "nice"):
        os.nice(NICE)
    _limit_memory()
    try:
        connection.send(JobDone(work(*arguments, connection.send)))
    except DataError as error:
        connection.send(JobFailed(str(error)))
    except (BrokenPipeError, EOFError):
        return  # the parent has closed its end
    except Exception as error:
        connection.send(JobFailed(f"The background process failed with {type(error).__name__}: {error}"))


def _limit_memory() -> None:
    """Let this process allocate at most ``MAX_MEMORY``: beyond it, a MemoryError. Only Linux has such a limit."""
    if sys.platform == "linux":
        with suppress(ModuleNotFoundError):
            import resource

            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            soft = MAX_MEMORY if hard == resource.RLIM_INFINITY else min(MAX_MEMORY, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


class Jobs:
    """Jobs by name: visitors who want the same one at the same time share one process."""

    def __init__(self, make: Callable[..., Job] = Job) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._running: dict[str, tuple[Job, set[str]]] = {}

    def want(self, name: str, who: str, work: Callable[..., Any], *arguments: Any) -> Job:
        """Return the job ``name``, started if it is not running, and note that ``who`` waits for it.

        A job that has ended is started again, so its end must be polled before it is wanted again.
        """
        with self._lock:
            if name not in self._running or not isinstance(self._running[name][0].poll(), Progress):
                self._running[name] = (self._make(work, *arguments), set())
            job, waiting = self._running[name]
            waiting.add(who)
            return job

    def leave(self, name: str, who: str) -> None:
        """Note that ``who`` no longer waits; the job is cancelled when nobody does. Unknown names are ignored."""
        with self._lock:
            job, waiting = self._running.get(name, (None, set()))
            waiting.discard(who)
            if job is None or waiting:
                return
            del self._running[name]
        job.cancel()
