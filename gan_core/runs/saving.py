"""A run's files: when they are saved, and what is said while the disk does not take them."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gan_core.export.weights import GENERATOR_FILE, read_metadata, save_networks
from gan_core.runs.moments import Moment, Moments
from gan_core.runs.protocol import State
from gan_core.runs.rendering import Rendered
from gan_core.runs.saved import Lease, write_saved
from gan_core.training.checkpoint import Checkpoint
from gan_core.training.trainer import Trainer

SAVE_EVERY = 3.0  # seconds of training between two saves of the networks, which Download gives after a failure
SHARE = 0.005  # of the training's time that these saves may take: where they are slow, they are rarer
SAVE_STATE_EVERY = 29.0  # seconds between two saves of the whole state: with the save, a kill costs 30 at most


class Saver:
    """Saves networks, whole states and moments into ``folder``, unless another process has taken the run over.

    A full disk or a folder that was removed ends no training. ``problem``: why the disk does not take the networks; ""
    once they are saved. ``seconds`` of the methods are seconds of training.
    """

    def __init__(self, folder: Path) -> None:
        self.problem = ""
        self._folder = folder
        self._lease: Lease | None = None
        with suppress(OSError):  # a full disk: the next save says so
            self._lease = Lease(folder)
        self.moments = Moments(folder)
        self._saved_at = 0.0
        self._cost = 0.0
        self._state_saved_at = time.monotonic()
        self._tried_at = 0.0

    @property
    def _may_save(self) -> bool:
        """Whether the run does not train on in another process."""
        return self._lease is None or not self._lease.lost

    @property
    def state_due(self) -> bool:
        """Whether the whole state should be saved now."""
        return time.monotonic() - self._state_saved_at >= SAVE_STATE_EVERY

    def networks_due(self, seconds: float) -> bool:
        """Return whether the networks should be saved now, without the whole state."""
        return seconds - self._saved_at >= max(SAVE_EVERY, self._cost / SHARE)

    @property
    def retry_due(self) -> bool:
        """Whether a save that has failed should be tried again, which is so every few seconds."""
        return bool(self.problem) and time.monotonic() - self._tried_at >= SAVE_EVERY

    def save(self, trainer: Trainer, seconds: float, state: Callable[[], Checkpoint] | None, began: float) -> None:
        """Save the networks and, unless ``state`` is None, the whole state that it returns.

        ``began``: when the checks before it did, by ``time.perf_counter``.
        """
        if not self._may_save:
            return
        try:
            # Temporary files are cleaned up on some machines.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            save_networks(self._folder, trainer)
            self._cost = time.perf_counter() - began
            if state is not None:
                write_saved(self._folder, state())
            self.problem = ""
        except OSError as error:
            self.problem = error.strerror or str(error)
        self._saved_at, self._tried_at = seconds, time.monotonic()
        if state is not None:
            self._state_saved_at = time.monotonic()

    def describe_problem(self, state: State) -> str:
        """Return sentences for the page about ``problem``, which are true of a run in this state; "" without one."""
        if not self.problem:
            return ""
        has = "has no generator"
        with suppress(OSError, ValueError, KeyError):  # only what the file itself says is true of it
            iteration = int(read_metadata((self._folder / GENERATOR_FILE).read_bytes())["iteration"])
            has = f"gives the generator of iteration {iteration:,}"
        again = {"running": "Training goes on and the save is tried again; until then, ", "failed": ""}
        return (
            f"This run cannot be saved in {self._folder.parent}: {self.problem}."
            f" {again.get(state, 'The save is tried again; until then, ')}Download {has}."
        )

    def moment_due(self, iteration: int, seconds: float, at_once: bool) -> bool:
        """Return whether the run has grown enough since its last moment; not ``at_once``: and training hardly notices."""
        return self.moments.due(iteration, math.inf if at_once else seconds) and self._may_save

    def keep_moment(
        self,
        seconds: float,
        render: Callable[[], Rendered | None],
        state: Callable[[], Checkpoint] | None,
        at_once: bool,
    ) -> None:
        """Keep what ``render`` returns and, if ``at_once`` or if there is time, the whole state that ``state`` returns."""
        began = middle = time.perf_counter()
        if (shown := render()) is None:
            return
        with suppress(OSError):  # the next save says that the disk is full
            self.moments.keep(Moment(shown.iteration, shown.fake, shown.points))
            middle = time.perf_counter()
            if state is not None and (at_once or self.moments.state_due(seconds)):
                self.moments.keep_state(state())
        self.moments.wait(seconds, middle - began, time.perf_counter() - middle)
