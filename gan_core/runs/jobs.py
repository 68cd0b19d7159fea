"""Work beside the page that takes a while: a process of its own, which tells how far it is and can be called off."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from gan_core.data.errors import DataError
from gan_core.data.prepared import Progress
from gan_core.runs.process import NICE, context

GIVE_UP = 2.0  # seconds that a process has for cleaning up after itself before it is killed


@dataclass(frozen=True)
class JobDone:
    """The work is done; ``result`` is what it gave."""

    result: Any = None


@dataclass(frozen=True)
class JobFailed:
    """The work could not be done; the message is fit for a page."""

    message: str


State = Progress | JobDone | JobFailed


class Job:
    """``work(*arguments, tell)`` in a child process. Safe to use from several threads.

    ``work`` is a function of a module, and its arguments and result are data; it tells its Progress now and then.
    """

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        self._lock = threading.Lock()
        self._state: State = Progress("Starting")
        self._connection, child_end = context().Pipe(duplex=False)
        self._process = context().Process(  # type: ignore[attr-defined]
            target=_serve, args=(child_end, work, arguments), name=f"gan-prepare-{work.__name__}", daemon=True
        )
        self._process.start()
        child_end.close()  # or the child's death would not be seen on this end

    def poll(self, wait: float = 0.0) -> State:
        """The newest state after at most ``wait`` seconds."""
        with self._lock:
            while isinstance(self._state, Progress) and self._connection.poll(wait):
                try:
                    self._state = self._connection.recv()
                except (EOFError, OSError):
                    self._process.join(1)
                    self._state = JobFailed(f"The work ended unexpectedly (exit code {self._process.exitcode}).")
            return self._state

    def cancel(self) -> None:
        """Call it off: nothing half done is left. Cancelling what has ended is fine."""
        with self._lock:
            if isinstance(self._state, Progress):
                self._state = JobFailed("Called off.")
            self._process.terminate()
            self._process.join(GIVE_UP)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()


def _serve(connection: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the server
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exception: what is open is closed and cleaned up
    if hasattr(os, "nice"):
        os.nice(NICE)

    def tell(state: State) -> None:
        connection.send(state)

    try:
        tell(JobDone(work(*arguments, tell)))
    except DataError as error:
        tell(JobFailed(str(error)))
    except (BrokenPipeError, EOFError):
        return  # nobody waits for it any more
    except Exception as error:
        tell(JobFailed(f"It stopped on an error: {type(error).__name__}: {error}"))


class Jobs:
    """Jobs by name: whoever wants the same thing at the same time waits for the same process."""

    def __init__(self, make: Callable[..., Job] = Job) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._going: dict[str, tuple[Job, set[str]]] = {}

    def want(self, name: str, who: str, work: Callable[..., Any], *arguments: Any) -> Job:
        """The preparation ``name``, begun if it is not going; ``who`` waits for it from now on.

        One that has ended is begun anew: who waited for it has to look at its end before asking again.
        """
        with self._lock:
            if name not in self._going or not isinstance(self._going[name][0].poll(), Progress):
                self._going[name] = (self._make(work, *arguments), set())
            going, waiting = self._going[name]
            waiting.add(who)
            return going

    def leave(self, name: str, who: str) -> None:
        """``who`` waits no more; it is called off when nobody does. An unknown name is fine."""
        with self._lock:
            going, waiting = self._going.get(name, (None, set()))
            waiting.discard(who)
            if going is None or waiting:
                return
            del self._going[name]
        going.cancel()
