"""A run without a process of its own until it trains: an opened page costs next to nothing."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE
from gan_core.runs.previews import Previews
from gan_core.runs.protocol import Command, Pause, Reconfigure, Report, Runner, Save, Speed
from gan_core.runs.saved import RUN_FILE, START_FILE
from gan_core.snapshot import Snapshot

Begin = Callable[[str, GANConfig, Path], Runner]


class LazyRunner:
    """A runner that ``begin`` makes when the first command comes that needs one. Safe to use from several threads.

    Before, it reports and saves what ``previews`` makes of its settings. A run that goes on from a file begins at once.
    """

    def __init__(self, begin: Begin, previews: Previews, run_id: str, config: GANConfig, folder: Path) -> None:
        self._begin = begin
        self._previews = previews
        self._run_id = run_id
        self._config = self._previewed = config
        self._folder = folder
        self._speed: Speed | None = None
        self._changes = 0  # so many revisions were shown before the process counts its own
        self._failed: Report | None = None
        self._shown: Snapshot | None = None  # the last one without a process
        self._runner: Runner | None = None
        self._closed = False
        self._lock = threading.RLock()  # a run that is closed while it begins, to make room, closes itself
        if any((folder / name).exists() for name in (RUN_FILE, START_FILE)):
            self._begun()

    def send(self, command: Command) -> None:
        with self._lock:
            if self._runner is None and self._noted(command):
                return
        if runner := self._begun():
            runner.send(command)

    def _noted(self, command: Command) -> bool:
        """Take over what an untrained run can without a process; return whether that was all."""
        match command:
            case Speed():
                self._speed = command
            case Reconfigure(config):
                if config.drawing != self._config.drawing:  # other real samples
                    self._previewed, self._failed = config, None
                self._config = config
            case Pause() | Save():
                return True
            case _:
                return False
        self._changes += 1
        return True

    def poll(self, wait: float = 0.3) -> Report:
        runner = self._runner
        if runner is None:
            return self._preview(wait)
        report = runner.poll(wait)
        if report.snapshot is not None:
            return replace(report, snapshot=replace(report.snapshot, revision=report.snapshot.revision + self._changes))
        return replace(report, snapshot=self._shown)  # its images stay while the process begins

    def _preview(self, wait: float) -> Report:
        report = self._failed or self._previews.report(self._previewed, self._folder / OWN_FILE, wait)
        if report.state == "failed":
            self._failed = report  # a page polls several times a second, and the same would fail again
        if report.snapshot is None:
            return report
        self._shown = replace(
            report.snapshot,
            run_id=self._run_id,
            revision=report.snapshot.revision + self._changes,
            config=self._config,
            initial=self._config,
            speed=self._speed or report.snapshot.speed,
        )
        return replace(report, snapshot=self._shown)

    def save(self, wait: float = 10.0) -> bool:
        with self._lock:
            runner, closed = self._runner, self._closed
        if runner is None:
            return not closed and self._previews.save(self._config, self._folder, wait)
        return runner.save(wait)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            runner = self._runner
        if runner is not None:
            runner.close()

    def _begun(self) -> Runner | None:
        """Return the runner, begun now if it was not; None if this was closed before it began."""
        with self._lock:
            if self._runner is None and not self._closed:
                runner = self._begin(self._run_id, self._config, self._folder)
                try:
                    if self._speed is not None:
                        runner.send(self._speed)
                except BaseException:  # slow motion may take more memory than there is
                    runner.close()
                    raise
                if self._closed:
                    runner.close()
                    return None
                self._runner = runner
            return self._runner
