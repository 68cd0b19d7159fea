"""The runs of this server. A run belongs to the pages that show it: while one of them is open, it never ends."""

import atexit
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, link
from gan_core.export.weights import GENERATOR_FILE
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Command, Pause, Reconfigure, Report, Runner, Speed
from gan_core.snapshot import Ghost

PAUSE_AFTER = 60.0  # seconds between closing the page and pausing its run: enough for a reload
GRACE = 30 * 60.0  # seconds between closing the page and ending its run
RETURN = 20.0  # seconds in which a reload or a dropped connection is surely back: no other run takes the place before
UNDO_SECONDS = 180.0  # how long a replaced run is kept, paused
PAUSE_WAIT = 2.0  # seconds that a replaced run has to report its last state
MAX_RUNS = 16  # each is a process with its own networks
MAX_REPLACED = 8  # runs kept for undo, beside those

MakeRunner = Callable[[str, GANConfig, Path], Runner]


class TooManyRuns(RuntimeError):
    """This server has no room for another run; the message is fit for a page."""


class CannotStart(RuntimeError):
    """A run failed before its first iteration; the message is fit for a page."""


class RunEnded(RuntimeError):
    """A run was asked for something after its end; the message is fit for a page."""


class Run:
    """One run: its runner, the folder of its networks, and the pages that show it.

    The folder also holds a link to ``own``, the file of the learner's own data, if there is one. ``pages``: the names of
    all pages that have shown it; a closed one may come back. ``closed_at``: when a sweep first found none of them open.
    ``speed``: the last one that was sent. ``ghost``: the last trained run under this id that was replaced; its polls bring
    it along.
    """

    def __init__(self, run_id: str, config: GANConfig, make_runner: MakeRunner, own: Path | None = None) -> None:
        self.id = run_id
        self.config = config
        self.pages: set[str] = set()
        self.closed_at: float | None = None
        self.paused_after_close = False
        self.ended = False
        self.speed = Speed()
        self.ghost: Ghost | None = None
        try:
            os.makedirs(tempfile.gettempdir(), exist_ok=True)  # cleaned up, on some machines
            self.folder = Path(tempfile.mkdtemp(prefix=f"gan-run-{run_id}-"))
        except OSError as error:
            reason = f"its folder for temporary files cannot be used: {error.strerror or error}"
            raise CannotStart(f"No run can begin on this server, because {reason}.") from error
        try:
            if own is not None:
                link(own, self.folder / OWN_FILE)
            self.runner = make_runner(run_id, config, self.folder)
        except BaseException as error:  # nothing else removes the folder
            shutil.rmtree(self.folder, ignore_errors=True)
            if isinstance(error, OSError):  # a full disk, no process available
                raise CannotStart(f"No run can begin on this server: {error.strerror or error}.") from error
            raise

    def closed_for(self, now: float) -> float:
        """Return the seconds since its last page was closed; -1 while one is open."""
        return -1.0 if self.closed_at is None else now - self.closed_at

    def send(self, command: Command) -> None:
        if isinstance(command, Speed):
            self.speed = command
        self.runner.send(command)

    def poll(self, wait: float = 0.8) -> Report:
        report = self.runner.poll(wait)
        if report.snapshot is None or self.ghost is None:
            return report
        return replace(report, snapshot=replace(report.snapshot, ghost=self.ghost))

    def reconfigure(self, config: GANConfig) -> None:
        """Apply the fields that may change while training; the others must be the run's."""
        self.config = config
        self.send(Reconfigure(config))

    def generator_file(self) -> bytes:
        """Return the generator as safetensors: the present one or, after a failure, the last healthy one.

        FileNotFoundError if the run failed before it had one; RunEnded after ``close``.
        """
        if self.ended:
            raise RunEnded("This run has ended, and its generator is gone.")
        self.runner.save()
        return (self.folder / GENERATOR_FILE).read_bytes()

    def close(self) -> None:
        """End the run and remove its folder."""
        self.ended = True
        self.runner.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Registry:
    """All runs by id. Safe to use from several threads.

    ``is_open``: whether the page of a name is open, which includes paused, hidden and idle ones.
    """

    def __init__(
        self,
        make_runner: MakeRunner = ProcessRunner,
        *,
        is_open: Callable[[str], bool] = lambda page: True,
        pause_after: float = PAUSE_AFTER,
        grace: float = GRACE,
        max_runs: int = MAX_RUNS,
    ) -> None:
        self._make_runner = make_runner
        self._is_open = is_open
        self._pause_after = pause_after
        self._grace = grace
        self._max_runs = max_runs
        self._runs: dict[str, Run] = {}
        self._replaced: dict[str, tuple[Run, float]] = {}  # by id: the run that undo brings back, and until when
        self._lock = threading.Lock()
        self._closed = threading.Event()
        atexit.register(self.close)

    def create(self, config: GANConfig, own: Path | None = None, page: str = "") -> Run:
        """Create a run that does not train yet, shown by ``page``.

        ``own``: the file of the learner's own data; the run keeps a link, so the caller may remove it. A full server
        ends the run whose page was closed longest ago. TooManyRuns if the pages of all runs are open, or were a moment ago;
        CannotStart if the server has no disk space or no process for it.
        """
        self.sweep()
        evicted: list[Run] = []
        try:
            with self._lock:  # held throughout: two simultaneous calls must not fill the same place
                if len(self._runs) >= self._max_runs:
                    evicted += self._pop_longest_closed()
                if len(self._runs) >= self._max_runs:
                    raise TooManyRuns(
                        f"This server already holds {self._max_runs} runs. Close another tab of this page, or wait: a run "
                        f"without an open page ends after {self._grace / 60:.0f} minutes."
                    )
                run = Run(secrets.token_urlsafe(9), config, self._make_runner, own)
                run.pages.update([page] if page else [])
                self._runs[run.id] = run
                return run
        finally:
            for old in evicted:
                old.close()

    def adopt(self, run_id: str, page: str) -> Run | None:
        """Return the run of this id, shown by ``page`` from now on.

        None if it has ended, or if another page that shows it is open.
        """
        with self._lock:
            run = self._runs.get(run_id)
            if run is None or self._is_shown(run, besides=page):
                return None
            run.pages.add(page)
            return run

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
        run, replaced = self._runs.pop(run_id, None), self._replaced.pop(run_id, None)
        return [one for one in (run, replaced[0] if replaced else None) if one is not None]

    def _pop_excess_replaced(self) -> list[Run]:
        """Remove and return the runs kept longest for undo, until there are at most ``MAX_REPLACED``."""
        oldest = sorted(self._replaced, key=lambda run_id: self._replaced[run_id][1])
        return [self._replaced.pop(run_id)[0] for run_id in oldest[: max(0, len(oldest) - MAX_REPLACED)]]

    def restart(self, run_id: str, config: GANConfig, own: Path | None = None, wait: float = 8.0) -> Run:
        """Replace the run of this id by a new one under the same id, so that its address stays valid.

        Without ``own`` the new run keeps the old one's file, if the settings still name the same data. CannotStart if
        the new run fails within ``wait`` seconds, before training; the old run then continues. A trained old run is kept
        for ``undo``; the new one goes on at its speed.
        """
        before = self.get(run_id)
        if own is None and before is not None and config.own_data and config.own_data == before.config.own_data:
            own = before.folder / OWN_FILE
        new = Run(run_id, config, self._make_runner, own)
        report = new.poll(wait)
        if report.state == "failed":
            new.close()
            raise CannotStart(report.failure.message if report.failure else "The run could not start.")
        with self._lock:
            old = self._runs.get(run_id)
            self._runs[run_id] = new
        if old is not None:
            new.pages |= old.pages
            new.ghost = old.ghost
            self._retire(old, new)
        return new

    def undo(self, run_id: str) -> Run | None:
        """Bring back the trained run that the last restart under this id has replaced; a second undo takes that back.

        None if there is none, or no longer.
        """
        self.sweep()
        with self._lock:
            current = self._runs.get(run_id)
            if current is None or run_id not in self._replaced:
                return None
            restored, _ = self._replaced.pop(run_id)
            self._runs[run_id] = restored
        restored.pages |= current.pages
        self._retire(current, restored)
        return restored

    def can_undo(self, run_id: str) -> bool:
        """Return whether ``undo`` would bring back a run."""
        with self._lock:
            return run_id in self._replaced and time.monotonic() < self._replaced[run_id][1]

    def _retire(self, old: Run, new: Run) -> None:
        """Keep ``old``, paused, for undo and as the ghost of ``new``; close it at once if it has not trained."""
        if new.speed != old.speed:
            new.send(old.speed)
        old.runner.send(Pause())
        snapshot = old.runner.poll(PAUSE_WAIT).snapshot
        if snapshot is None or not snapshot.trained:
            old.close()
            return
        if snapshot.iteration:  # single updates draw no curve
            label = GANConfig.setting("loss").label
            since = max((mark.iteration for mark in snapshot.marks if mark.text.startswith(f"{label}:")), default=0)
            new.ghost = Ghost.of(snapshot.config, snapshot.trace, since)
        with self._lock:
            before = self._replaced.pop(old.id, None)
            self._replaced[old.id] = (old, time.monotonic() + UNDO_SECONDS)
            ended = [*self._pop_excess_replaced(), *([before[0]] if before else [])]
        for run in ended:
            run.close()

    def get(self, run_id: str) -> Run | None:
        """Return the run of this id; None if it has ended."""
        with self._lock:
            return self._runs.get(run_id)

    def end(self, run_id: str) -> None:
        """Close a run, and the one kept for its undo; an unknown id is ignored."""
        with self._lock:
            ended = self._pop(run_id)
        for run in ended:
            run.close()

    def sweep(self) -> None:
        """Pause runs whose page was closed and not reopened; end those whose page was closed ``grace`` seconds ago.

        Also end the runs that undo can no longer bring back.
        """
        now = time.monotonic()
        with self._lock:
            runs = list(self._runs.values())
            over = [run_id for run_id, (_, until) in self._replaced.items() if now >= until]
            ended = [self._replaced.pop(run_id)[0] for run_id in over]
            for run in runs:
                run.closed_at = None if self._is_shown(run) else run.closed_at or now
                if run.closed_for(now) > self._grace:
                    ended += self._pop(run.id)
        for run in ended:
            run.close()
        for run in runs:
            gone = run not in ended and run.closed_for(now) > self._pause_after
            if gone and not run.paused_after_close:
                run.runner.send(Pause())
            run.paused_after_close = gone

    def sweep_in_background(self, every: float = 10.0) -> None:
        """Sweep in the background until ``close``."""

        def loop() -> None:
            while not self._closed.wait(every):
                self.sweep()

        threading.Thread(target=loop, name="gan-runs-sweep", daemon=True).start()

    def close(self) -> None:
        """End every run and the background sweep."""
        self._closed.set()
        with self._lock:
            runs = [*self._runs.values(), *(run for run, _ in self._replaced.values())]
            self._runs, self._replaced = {}, {}
        for run in runs:
            run.close()
