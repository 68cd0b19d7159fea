"""A run in the caller's thread, for tests and systems without processes. It trains while it is polled."""

import time
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.runs.protocol import Command, Pause, Report, Save
from gan_core.runs.worker import Worker


class InlineRunner:
    """A runner whose ``poll`` first trains for up to ``wait`` seconds, if the run is running."""

    def __init__(self, run_id: str, config: GANConfig, folder: Path) -> None:
        self._worker = Worker(run_id, config, folder)
        self._worker.start()

    def send(self, command: Command) -> None:
        self._worker.handle(command)

    def poll(self, wait: float = 0.3) -> Report:
        end = time.monotonic() + wait
        self._worker.advance(wait)
        while self._worker.wait and (left := end - time.monotonic()) > 0:
            time.sleep(min(self._worker.wait, left))  # until the speed allows the next iteration; no command can come
            self._worker.advance(left)
        return self._worker.report()

    def save(self, wait: float = 10.0) -> bool:
        self._worker.handle(Save())
        return self._worker.saved

    def close(self) -> None:
        self._worker.handle(Pause())
