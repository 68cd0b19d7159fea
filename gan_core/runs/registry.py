"""The runs of this server. A run belongs to the browser that began it; while its page is open, its process never ends.

A run whose process has ended is saved, and opens again at its address.
"""

import atexit
import secrets
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE
from gan_core.runs.budget import Budget
from gan_core.runs.filling import Fill, from_moment, with_own
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Failure, Save
from gan_core.runs.replaced import Replaced, in_place_of, retire
from gan_core.runs.run import CannotStart, MakeRunner, Run, RunEnded
from gan_core.runs.store import Access, Store, digest

PAUSE_AFTER = 60.0  # seconds between closing the page and pausing its run: enough for a reload
GRACE = 75.0  # seconds between closing the page and ending its run's process: it is saved, and opens again in a second
RETURN = 20.0  # seconds in which a reload or a dropped connection is surely back: no other run takes the place before


class Registry:
    """All runs by id. Safe to use from several threads.

    ``is_open``: whether the page of a name is open, which includes paused, hidden and idle ones.
    """

    def __init__(
        self,
        make_runner: MakeRunner = ProcessRunner,
        *,
        store: Store | None = None,
        is_open: Callable[[str], bool] = lambda page: True,
        pause_after: float = PAUSE_AFTER,
        grace: float = GRACE,
        budget: Budget | None = None,
    ) -> None:
        self._make_runner = make_runner
        self.store = store or Store()
        self._is_open = is_open
        self._pause_after = pause_after
        self._grace = grace
        self._budget = budget or Budget(sys.maxsize, sys.maxsize)
        self._budget.make_room = self._make_room
        self._runs: dict[str, Run] = {}
        self._replaced = Replaced()
        self._put_away: set[str] = set()
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._closed = threading.Event()
        atexit.register(self.close)

    def create(self, config: GANConfig, own: Path | None = None, page: str = "", owner: str = "") -> Run:
        """Create a run that does not train yet, shown by ``page``, which belongs to the browser with the secret ``owner``.

        ``own``: the file of the learner's own data; the run keeps a link, so the caller may remove it. Where memory is
        short, the run whose page was closed longest ago makes room. CannotStart if the server has no memory, disk space or
        process for it.
        """
        self._budget.check(config, own)
        self.sweep()
        run_id = secrets.token_urlsafe(9)
        access = Access(digest(run_id), owners=[digest(owner)] if owner else [])

        run = Run(run_id, config, self._make_runner, self.store, access, with_own(own))
        self._point(run)
        return self._add(run, page)

    def _add(self, run: Run, page: str) -> Run:
        run.pages.update([page] if page else [])
        with self._lock:
            self._runs[run.id] = run
        return run

    def _make_room(self) -> bool:
        """Save and end the run whose page was closed longest ago, else the process of one kept for undo; False without one."""
        self.sweep()  # whose pages are closed is known then
        with self._lock:
            closed = self._pop_longest_closed()
        for run in closed:
            run.close()
        return bool(closed) or self._replaced.park_one()

    def _point(self, run: Run) -> None:
        """Have the run's address open this run from now on, also after the server's end."""
        with suppress(OSError):  # a full disk: the run says so at its next save
            run.access.write(run.folder)

    def adopt(self, run_id: str, page: str, owner: str, key: str = "") -> Run | None:
        """Return the run of this id, shown by ``page`` and by no other from now on; a saved one gets a process, paused.

        None if there is none, if neither ``owner`` nor ``key`` may open it, or if another page that shows it is open.
        CheckpointError if it cannot be read; CannotStart as in ``create``.
        """
        with self._opening:  # two pages that open the same run at once: one of them gets it
            with self._lock:
                run = self._runs.get(run_id)
                if run is not None:
                    if not run.access.admit(owner, key) or self._is_shown(run, besides=page):
                        return None
                    run.pages, run.paused_after_close = {page}, None
            if run is None:
                run = self._open_saved(run_id, page, owner, key)
            if run is not None:
                self._put_away.discard(run_id)
                if key:
                    self._point(run)
            return run

    def _open_saved(self, run_id: str, page: str, owner: str, key: str) -> Run | None:
        found = self.store.find(run_id)
        if found is None or not found[1].admit(owner, key) or not self.store.hold(found[0]):
            return None
        folder, access = found
        try:
            if key:  # the browser is an owner from now on, even if there is no memory for the run now
                access.write(folder)
            return self._add(Run.saved(run_id, self._make_runner, self.store, access, folder), page)
        except BaseException:
            self.store.release(folder)
            raise

    def is_put_away(self, run_id: str) -> bool:
        """Return whether this run was ended by somebody else than its learner, and not opened again since."""
        with self._lock:
            return run_id in self._put_away

    def has_saved(self, run_id: str) -> bool:
        """Return whether a run of this id has a process, or is saved."""
        return self.get(run_id) is not None or self.store.find(run_id) is not None

    def fed_by(self, feed: str) -> Run | None:
        """Return the run whose updates are asked for under this name; None if it has ended."""
        with self._lock:
            return next((run for run in self._runs.values() if run.access.feed == feed), None)

    def _is_shown(self, run: Run, besides: str | None = None) -> bool:
        """Return whether a page that shows ``run``, another one than ``besides``, is open."""
        return any(self._is_open(page) for page in run.pages if page != besides)

    def _pop_longest_closed(self) -> list[Run]:
        """Remove and return the run whose page was closed longest ago, if there is one, and the one kept for its undo."""
        now = time.monotonic()
        longest = max(self._runs.values(), key=lambda run: run.closed_for(now), default=None)
        return [] if longest is None or longest.closed_for(now) < RETURN else self._pop(longest.id)

    def _pop(self, run_id: str) -> list[Run]:
        """Remove and return the run of this id and the one kept for its undo, as far as there are such."""
        run = self._runs.pop(run_id, None)
        return [*([] if run is None else [run]), *self._replaced.pop(run_id)]

    def restart(self, run_id: str, config: GANConfig, own: Path | None = None, wait: float = 8.0) -> Run:
        """Replace the run of this id by a new one under the same id, so that its address stays valid.

        Without ``own`` the new run keeps the old one's file, if the settings still name the same data. CannotStart if
        the new run fails within ``wait`` seconds, before training; the old run then continues. A trained old run is kept
        for ``undo``; the new one goes on at its speed.
        """
        before = self.get(run_id)
        if own is None and before is not None and config.own_data and config.own_data == before.config.own_data:
            own = before.folder / OWN_FILE
        return self.begin_from(run_id, config, with_own(own), wait)

    def branch(self, run_id: str, iteration: int) -> Run:
        """Replace the run of this id by one that begins at a kept moment of it, paused, with its settings of then.

        OSError or CheckpointError if that moment's state is not kept, or not any more; CannotStart as in ``restart``.
        """
        parent = self.get(run_id)
        if parent is None:
            raise RunEnded("This run has ended.")
        return self.begin_from(run_id, *from_moment(parent.folder, iteration))

    def begin_from(self, run_id: str, config: GANConfig, fill: Fill, wait: float = 8.0) -> Run:
        """Replace the run of this id as ``restart`` does; ``fill`` puts what the new one begins from into its folder."""
        self._budget.check(config)
        before = self.get(run_id)
        access = Access(digest(run_id)) if before is None else before.access

        def begin() -> Run:
            new = Run(run_id, config, self._make_runner, self.store, access, fill)
            report = new.poll(wait)
            if report.state == "failed":
                new.close(keep=False)
                failure = report.failure or Failure("The run could not start.")
                raise CannotStart(failure.message, failure.refusal)
            return new

        new = in_place_of(before, begin)
        with self._lock:
            old = self._runs.get(run_id)
            self._runs[run_id] = new
        self._point(new)
        if old is not None:
            new.pages |= old.pages
            new.ghost = old.ghost
            self._retire(old, new)
        return new

    def undo(self, run_id: str) -> Run | None:
        """Bring back the trained run that the last restart under this id has replaced; a second undo takes that back.

        None if there is none, or no longer. CannotStart if its process was ended and the server has no memory for another;
        OSError or CheckpointError if it cannot be read. It is kept then.
        """
        self.sweep()
        with self._lock:
            current = self._runs.get(run_id)
            taken = None if current is None else self._replaced.take(run_id)
        if current is None or taken is None:
            return None
        restored = taken[0]
        try:
            if restored.parked:
                in_place_of(current, restored.go_on)
        except BaseException:
            self._replaced.put_back(*taken)
            raise
        with self._lock:
            self._runs[run_id] = restored
        self._point(restored)
        restored.pages |= current.pages
        self._retire(current, restored)
        return restored

    def can_undo(self, run_id: str) -> bool:
        """Return whether ``undo`` would bring back a run."""
        with self._lock:
            return self._replaced.holds(run_id, time.monotonic())

    def _retire(self, old: Run, new: Run) -> None:
        """Keep ``old``, paused, for undo and as the ghost of ``new``; close it at once if it has not trained."""
        gone = [old]
        if retire(old, new):
            with self._lock:
                gone = self._replaced.keep(old, time.monotonic())
        for run in gone:
            run.close(keep=False)

    def all(self) -> list[Run]:
        """Return all runs, without those that are kept for undo."""
        with self._lock:
            return list(self._runs.values())

    def get(self, run_id: str) -> Run | None:
        """Return the run of this id; None if it has ended."""
        with self._lock:
            return self._runs.get(run_id)

    def end(self, run_id: str, put_away: bool = False) -> None:
        """Save a run and end its process, and that of the one kept for its undo; an unknown id is ignored.

        ``put_away``: an open page does not open it again by itself, only ``adopt`` does.
        """
        with self._lock:
            ended = self._pop(run_id)
            if put_away and ended:
                self._put_away.add(run_id)
        for run in ended:
            run.close()

    def sweep(self) -> None:
        """Pause runs whose page was closed and not reopened; save and end those whose page was closed ``grace`` seconds ago.

        A page that was disconnected and comes back finds its run training, as it left it. Also end the runs that undo can
        no longer bring back.
        """
        now = time.monotonic()
        with self._lock:
            runs = list(self._runs.values())
            ended = self._replaced.pop_expired(now)
            for run in runs:
                run.closed_at = None if self._is_shown(run) else run.closed_at or now
                if run.closed_for(now) > self._grace:
                    ended += self._pop(run.id)
        for run in ended:
            run.close()
        for run in runs:
            if run in ended:
                continue
            if run.closed_for(now) > self._pause_after:
                run.pause_closed()
            elif run.closed_at is None:
                run.go_on_reopened()

    def sweep_in_background(self, every: float = 10.0) -> None:
        """Sweep in the background until ``close``."""

        def loop() -> None:
            self.store.sweep()
            while not self._closed.wait(every):
                self.sweep()
                self.store.sweep()

        threading.Thread(target=loop, name="gan-runs-sweep", daemon=True).start()

    def close(self) -> None:
        """Save and end every run, and end the background sweep."""
        self._closed.set()
        with self._lock:
            runs, replaced = [*self._runs.values()], self._replaced.pop_all()
            self._runs = {}
        for run in runs:  # all save at once: they may have little time
            run.runner.send(Save())
        for run in runs:
            run.close()
        for run in replaced:
            run.close(keep=False)
