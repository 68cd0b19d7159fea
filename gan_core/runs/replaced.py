"""The trained runs that a restart has replaced: kept paused for a while, so that undo can bring them back.

Where memory is short, their processes are ended: undo then begins them again from their last save.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from gan_core.config import GANConfig
from gan_core.runs.protocol import Pause
from gan_core.runs.run import CannotStart, Run
from gan_core.runs.saved import ACCESS_FILE
from gan_core.snapshot import Ghost
from gan_core.training.checkpoint import CheckpointError

R = TypeVar("R")

UNDO_SECONDS = 180.0  # how long a replaced run is kept, paused
PAUSE_WAIT = 2.0  # seconds that a replaced run has to report its last state
MAX_REPLACED = 8  # runs kept for undo


class Replaced:
    """One run by the id of the run that has replaced it. Times are ``time.monotonic()``'s.

    Methods return the runs that they let go, which the caller closes. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Run, float]] = {}  # and until when
        self._lock = threading.RLock()

    def holds(self, run_id: str, now: float) -> bool:
        """Return whether undo would bring back a run under this id."""
        with self._lock:
            return run_id in self._kept and now < self._kept[run_id][1]

    def keep(self, run: Run, now: float) -> list[Run]:
        """Keep ``run`` in place of the one kept before under its id, and the youngest ``MAX_REPLACED`` runs in all."""
        with self._lock:
            gone = self.pop(run.id)
            self._kept[run.id] = (run, now + UNDO_SECONDS)
            oldest = sorted(self._kept, key=lambda run_id: self._kept[run_id][1])
            return gone + [self._kept.pop(run_id)[0] for run_id in oldest[:-MAX_REPLACED]]

    def pop(self, run_id: str) -> list[Run]:
        """Let go the run that is kept under this id, if there is one."""
        kept = self.take(run_id)
        return [] if kept is None else [kept[0]]

    def take(self, run_id: str) -> tuple[Run, float] | None:
        """Let go the run that is kept under this id, for ``put_back``, and until when it would be kept; None if there is none."""
        with self._lock:
            return self._kept.pop(run_id, None)

    def put_back(self, run: Run, until: float) -> bool:
        """Keep a run that ``take`` has let go; False, and it ends, if another one was replaced under its id meanwhile."""
        with self._lock:
            kept = self._kept.setdefault(run.id, (run, until))[0] is run
        if not kept:
            run.close(keep=False)
        return kept

    def park_one(self) -> bool:
        """End the process of the run that was replaced first, of those that have one; return whether there was one."""
        with self._lock:
            oldest = sorted(self._kept, key=lambda run_id: self._kept[run_id][1])
        for run_id in oldest:
            if (taken := self.take(run_id)) is not None:
                parked = taken[0].park()
                if not self.put_back(*taken) or parked:
                    return True
        return False

    def pop_expired(self, now: float) -> list[Run]:
        """Let go the runs whose time is over."""
        return [run for run_id in list(self._kept) if not self.holds(run_id, now) for run in self.pop(run_id)]

    def pop_all(self) -> list[Run]:
        """Let go all."""
        return [run for run_id in list(self._kept) for run in self.pop(run_id)]


def retire(old: Run, new: Run) -> bool:
    """Pause ``old``, which its address no longer opens; ``new`` goes on at its speed, if that fits, with it as its ghost.

    Return whether it has trained: there is nothing to bring back otherwise.
    """
    if new.speed != old.speed:
        with suppress(CannotStart):  # slow motion takes more memory
            new.send(old.speed)
    old.runner.send(Pause())
    snapshot = old.runner.poll(PAUSE_WAIT).snapshot
    with suppress(OSError):
        (old.folder / ACCESS_FILE).unlink(missing_ok=True)
    if snapshot is None or not snapshot.trained:
        return False
    if snapshot.iteration:  # single updates draw no curve
        label = GANConfig.setting("loss").label
        since = max((mark.iteration for mark in snapshot.marks if mark.text.startswith(f"{label}:")), default=0)
        new.ghost = Ghost.of(snapshot.config, snapshot.trace, since)
    return True


def in_place_of(old: Run | None, begin: Callable[[], R]) -> R:
    """Return ``begin()``, which begins what replaces ``old``.

    Where the server is too full for both at once, the process of ``old`` ends first, and trains on if ``begin`` fails.
    """
    try:
        return begin()
    except CannotStart as error:
        if error.refusal or old is None or not old.park():
            raise
    try:
        return begin()
    except BaseException:
        with suppress(CannotStart, OSError, CheckpointError):  # it says itself then that it waits for memory
            old.unpark()
        raise
