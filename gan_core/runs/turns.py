"""Who trains: where more runs want to than the machine trains well at once, they take turns."""

import threading
import time
from collections import deque
from contextlib import suppress
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

from gan_core.runs.protocol import Place
from gan_core.training.threads import available_cores

ROUND = 6.0  # seconds in which every run has its turn: a class of forty sees progress within ten
SHORTEST, LONGEST = 0.2, 2.0  # seconds of a turn


class Turn:
    """A run's side: it asks for its turn while it needs one."""

    def __init__(self, connection: Connection) -> None:
        self.has = False
        self._connection = connection
        self._needs = False

    def wait(self, commands: Connection, needs: bool, seconds: float | None) -> list[object]:
        """Say whether a turn is needed, and return what can be read: ``commands``, or nothing.

        Wait for that up to ``seconds``, None for ever, and while another run has the turn that is needed.
        """
        if needs != self._needs:
            self._connection.send(needs)
            self._needs, self.has = needs, False
        while True:
            ready = wait([commands, self._connection], None if needs and not self.has else seconds)
            if self._connection not in ready:
                return list(ready)
            self.has = self._connection.recv() and needs
            if commands in ready or (self.has and seconds == 0):
                return [commands] if commands in ready else []


class Turns:
    """The server's side: at most ``at_once`` runs have their turn. Those that wait come in the order in which they asked.

    A thread of its own gives and takes the turns. Safe to use from several threads.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self.at_once = at_once or available_cores()
        self._lock = threading.Lock()
        self._runs: set[Connection] = set()
        self._left: list[Connection] = []
        self._waiting: deque[Connection] = deque()
        self._training: dict[Connection, float] = {}  # since when, in time.monotonic()'s seconds
        self._woken, self._wake = Pipe(duplex=False)
        threading.Thread(target=self._serve, name="gan-turns", daemon=True).start()

    def join(self, run: Connection) -> None:
        """Serve the run at the other end of this connection."""
        with self._lock:
            self._runs.add(run)
            self._wake.send(None)

    def leave(self, run: Connection) -> None:
        """Serve it no longer, and close its connection."""
        with self._lock:
            self._forget(run)
            self._wake.send(None)

    def place(self, run: Connection) -> Place | None:
        """Return where the run stands; None unless there are runs that wait."""
        with self._lock:
            if not self._waiting or (run not in self._training and run not in self._waiting):
                return None
            ahead = self._waiting.index(run) + 1 if run in self._waiting else 0
            return Place(ahead, self._count, self.at_once, ahead * self._length / self.at_once)

    @property
    def standing(self) -> tuple[int, int]:
        """How many runs train now, and how many wait for their turn."""
        with self._lock:
            return len(self._training), len(self._waiting)

    @property
    def _count(self) -> int:
        return len(self._waiting) + len(self._training)

    @property
    def _length(self) -> float:
        """Seconds of a turn."""
        return min(LONGEST, max(SHORTEST, ROUND * self.at_once / max(1, self._count)))

    def _serve(self) -> None:
        while True:
            with self._lock:
                while self._left:
                    self._left.pop().close()  # here, where no other thread waits for it
                pause = self._give()
                ends = [self._woken, *self._runs]
            for end in wait(ends, pause):
                self._hear(end)

    def _hear(self, end: Any) -> None:
        try:
            needs = end.recv()
        except (EOFError, OSError):  # its process has ended
            with self._lock:
                self._forget(end)
            return
        with self._lock:
            if end not in self._runs:
                return
            if needs:
                self._waiting.append(end)
            else:
                self._stop(end)

    def _give(self) -> float | None:
        """Take turns that are over, and give free ones; return in how many seconds the next one is over, if one is."""
        now = time.monotonic()
        for run, since in list(self._training.items()):  # the longest first
            if len(self._waiting) > self.at_once - len(self._training) and now - since >= self._length:
                self._tell(run, False)
                del self._training[run]
                self._waiting.append(run)
        while self._waiting and len(self._training) < self.at_once:
            run = self._waiting.popleft()
            self._training[run] = now
            self._tell(run, True)
        if not self._waiting:
            return None
        return max(0.0, min(self._training.values()) + self._length - now)

    @staticmethod
    def _tell(run: Connection, has: bool) -> None:
        with suppress(OSError):  # its process has ended, which is heard next
            run.send(has)

    def _stop(self, run: Connection) -> None:
        self._training.pop(run, None)
        with suppress(ValueError):
            self._waiting.remove(run)

    def _forget(self, run: Connection) -> None:
        self._stop(run)
        if run in self._runs:
            self._runs.remove(run)
            self._left.append(run)


@cache
def shared_turns() -> Turns:
    """Return the turns of all runs of this program."""
    return Turns()
