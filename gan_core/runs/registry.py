"""The runs of this server. A run continues after its page is closed until its lease ends."""

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

PAUSE_AFTER = 60.0  # seconds between closing the page and pausing its run: enough for a reload
GRACE = 30 * 60.0  # seconds without a request after which a run ends
MAX_RUNS = 16  # each is a process with its own networks

MakeRunner = Callable[[str, GANConfig, Path], Runner]


class TooManyRuns(RuntimeError):
    """This server has no room for another run; the message is fit for a page."""


class CannotStart(RuntimeError):
    """A run failed before its first iteration; the message is fit for a page."""


class Run:
    """One run: its runner, the folder of its networks, and the time of the last request.

    The folder also holds a link to ``own``, the file of the learner's own data, if there is one.
    """

    def __init__(self, run_id: str, config: GANConfig, make_runner: MakeRunner, own: Path | None = None) -> None:
        self.id = run_id
        self.config = config
        self.folder = Path(tempfile.mkdtemp(prefix=f"gan-run-{run_id}-"))
        try:
            if own is not None:
                link(own, self.folder / OWN_FILE)
            self.runner = make_runner(run_id, config, self.folder)
        except BaseException:  # a full disk, no process available: nothing else removes the folder
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.renew_lease()

    def renew_lease(self) -> None:
        """Record a request by an open page."""
        self.last_request = time.monotonic()
        self.closed_at: float | None = None
        self.paused_after_close = False

    def page_closed(self) -> None:
        """Record that the run's page was closed or reloaded."""
        self.closed_at = time.monotonic()

    def send(self, command: Command) -> None:
        self.renew_lease()
        self.runner.send(command)

    def poll(self, wait: float = 0.8) -> Report:
        self.renew_lease()
        return self.runner.poll(wait)

    def peek(self, wait: float = 0.3) -> Report:
        """Poll without undoing ``page_closed``: a page's last poll may arrive after it was closed."""
        self.last_request = time.monotonic()
        return self.runner.poll(wait)

    def reconfigure(self, config: GANConfig) -> None:
        """Apply the fields that may change while training; the others must be the run's."""
        self.config = config
        self.send(Reconfigure(config))

    def generator_file(self) -> bytes:
        """Return the generator as safetensors: the present one or, after a failure, the last healthy one.

        FileNotFoundError if the run failed before it had one.
        """
        self.renew_lease()
        self.runner.save()
        return (self.folder / GENERATOR_FILE).read_bytes()

    def close(self) -> None:
        """End the run and remove its folder."""
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
        max_runs: int = MAX_RUNS,
    ) -> None:
        self._make_runner = make_runner
        self._pause_after = pause_after
        self._grace = grace
        self._max_runs = max_runs
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        atexit.register(self.close)

    def create(self, config: GANConfig, own: Path | None = None) -> Run:
        """Create a run that does not train yet.

        ``own``: the file of the learner's own data; the run keeps a link, so the caller may remove it. A full server
        ends the run whose page was closed longest ago. TooManyRuns if the pages of all runs are open.
        """
        self.sweep()
        evicted = None
        try:
            with self._lock:  # held throughout: two simultaneous calls must not fill the same place
                if len(self._runs) >= self._max_runs:
                    evicted = self._pop_longest_closed()
                if len(self._runs) >= self._max_runs:
                    raise TooManyRuns(
                        f"This server already holds {self._max_runs} runs. Close another tab of this page, or wait: a run "
                        f"without an open page ends after {self._grace / 60:.0f} minutes."
                    )
                run = Run(secrets.token_urlsafe(9), config, self._make_runner, own)
                self._runs[run.id] = run
                return run
        finally:
            if evicted is not None:
                evicted.close()

    def _pop_longest_closed(self) -> Run | None:
        """Remove and return the run whose page was closed longest ago, if there is one."""
        closed = [(run.closed_at, run.id) for run in self._runs.values() if run.closed_at is not None]
        return self._runs.pop(min(closed)[1]) if closed else None

    def restart(self, run_id: str, config: GANConfig, own: Path | None = None, wait: float = 8.0) -> Run:
        """Replace the run of this id by a new one under the same id, so that its address stays valid.

        Without ``own`` the new run keeps the old one's file, if the settings still name the same data. CannotStart if
        the new run fails within ``wait`` seconds, before training; the old run then continues.
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
        """Return the run of this id; None if it has ended."""
        with self._lock:
            return self._runs.get(run_id)

    def end(self, run_id: str) -> None:
        """Close a run; an unknown id is ignored."""
        with self._lock:
            run = self._runs.pop(run_id, None)
        if run is not None:
            run.close()

    def sweep(self) -> None:
        """Pause runs whose page was closed and not reopened; end those without a request for ``grace`` seconds."""
        now = time.monotonic()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            if now - run.last_request > self._grace:
                self.end(run.id)
            elif run.closed_at is not None and now - run.closed_at > self._pause_after and not run.paused_after_close:
                run.paused_after_close = True
                run.runner.send(Pause())

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
            runs, self._runs = list(self._runs.values()), {}
        for run in runs:
            run.close()
