"""The runs of this server. A run outlives the page that started it, for as long as its lease."""

import atexit
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, link
from gan_core.export.weights import GENERATOR_FILE
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Command, Pause, Reconfigure, Report, Runner

PAUSE_AFTER = 60.0  # seconds that a run trains on after its page was closed: enough for a reload
GRACE = 30 * 60.0  # seconds that a run is kept with nobody looking
MAX_RUNS = 16  # at once on this server; each is a process with its own networks

MakeRunner = Callable[[str, GANConfig, Path], Runner]


class TooManyRuns(RuntimeError):
    """This server trains as much as it can; the message is fit for a page."""


class CannotStart(RuntimeError):
    """A run failed before its first iteration; the message is fit for a page."""


class Run:
    """One run: its runner, the folder where its networks are kept, and when somebody last asked for it.

    The folder also holds the learner's own data, if the run has some: a name of its own for the file ``own``.
    """

    def __init__(self, run_id: str, config: GANConfig, make_runner: MakeRunner, own: Path | None = None) -> None:
        self.id = run_id
        self.config = config
        self.folder = Path(tempfile.mkdtemp(prefix=f"gan-run-{run_id}-"))
        try:
            if own is not None:
                link(own, self.folder / OWN_FILE)
            self.runner = make_runner(run_id, config, self.folder)
        except BaseException:  # a full disk, no process to be had: nobody would ever remove the folder
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.seen()

    def seen(self) -> None:
        """Somebody looks: the lease begins anew."""
        self.last_seen = time.monotonic()
        self.left_at: float | None = None
        self.paused_for_leaving = False

    def left(self) -> None:
        """The page that looked was closed or reloaded."""
        self.left_at = time.monotonic()

    def send(self, command: Command) -> None:
        self.seen()
        self.runner.send(command)

    def poll(self, wait: float = 0.3) -> Report:
        self.seen()
        return self.runner.poll(wait)

    def look(self, wait: float = 0.3) -> Report:
        """A poll by a page that is open anyway: one that comes late does not undo that the page was left."""
        self.last_seen = time.monotonic()
        return self.runner.poll(wait)

    def reconfigure(self, config: GANConfig) -> None:
        """Take over the fields that may change while training; the others have to be the run's own."""
        self.config = config
        self.send(Reconfigure(config))

    def generator_file(self) -> bytes:
        """The generator as safetensors: as it is now or, after a failure, as it last was healthy.

        FileNotFoundError if the run failed before it had one.
        """
        self.seen()
        self.runner.save()
        return (self.folder / GENERATOR_FILE).read_bytes()

    def close(self) -> None:
        """End it and remove what it kept."""
        self.runner.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Registry:
    """All runs by id. Safe to use from several threads."""

    def __init__(
        self,
        make_runner: MakeRunner = ProcessRunner,
        *,
        pause_after: float = PAUSE_AFTER,
        grace: float = GRACE,
        most: int = MAX_RUNS,
    ) -> None:
        self._make_runner = make_runner
        self._pause_after = pause_after
        self._grace = grace
        self._most = most
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        atexit.register(self.close)

    def create(self, config: GANConfig, own: Path | None = None) -> Run:
        """A new run, not training yet. TooManyRuns if the server is full of runs that somebody watches.

        ``own``: the file of the learner's own data, which the run keeps for itself; the caller may remove it then.
        A full server gives up the run whose page was closed longest ago.
        """
        self.sweep()
        given_up = None
        try:
            with self._lock:  # for all of it: of two that come at once each has to find room
                if len(self._runs) >= self._most:
                    given_up = self._longest_left()
                if len(self._runs) >= self._most:
                    raise TooManyRuns(
                        f"This server already holds {self._most} runs. Close another tab of this page, or wait: a run "
                        f"that nobody looks at ends after {self._grace / 60:.0f} minutes."
                    )
                run = Run(secrets.token_urlsafe(9), config, self._make_runner, own)
                self._runs[run.id] = run
                return run
        finally:
            if given_up is not None:
                given_up.close()

    def _longest_left(self) -> Run | None:
        """Take out the run whose page was closed longest ago, if there is one."""
        left = [(run.left_at, run.id) for run in self._runs.values() if run.left_at is not None]
        return self._runs.pop(min(left)[1]) if left else None

    def restart(self, run_id: str, config: GANConfig, own: Path | None = None, wait: float = 8.0) -> Run:
        """Begin a new run in the place of the one of this id, under the same id: its address stays right.

        Without ``own`` it takes over the old one's file, if the settings still name the same data.
        CannotStart, and the old run goes on, if the new one fails within ``wait`` seconds, before it has trained
        anything: a data set that cannot be had costs nobody the run that there is.
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
            old.close()
        return new

    def get(self, run_id: str) -> Run | None:
        """The run of this id, if it has not ended."""
        with self._lock:
            return self._runs.get(run_id)

    def end(self, run_id: str) -> None:
        """Close a run; an unknown id is fine."""
        with self._lock:
            run = self._runs.pop(run_id, None)
        if run is not None:
            run.close()

    def sweep(self) -> None:
        """Pause the runs whose page was closed and not opened again; end those that nobody has seen for long."""
        now = time.monotonic()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            if now - run.last_seen > self._grace:
                self.end(run.id)
            elif run.left_at is not None and now - run.left_at > self._pause_after and not run.paused_for_leaving:
                run.paused_for_leaving = True
                run.runner.send(Pause())

    def keep_swept(self, every: float = 10.0) -> None:
        """Sweep in the background until ``close``."""

        def loop() -> None:
            while not self._closed.wait(every):
                self.sweep()

        threading.Thread(target=loop, name="gan-runs-sweep", daemon=True).start()

    def close(self) -> None:
        """End every run, and the sweeping."""
        self._closed.set()
        with self._lock:
            runs, self._runs = list(self._runs.values()), {}
        for run in runs:
            run.close()
