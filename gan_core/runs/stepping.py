"""Iterations of a run: many at once, or one of them stage by stage."""

from typing import Literal

from gan_core.diagnostics.views import StageView
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.runs.measured import Measured
from gan_core.training.checkpoint import Checkpoint
from gan_core.training.trainer import Trainer


class Stepper:
    """Trains ``trainer`` and puts the metrics of each iteration into ``measured``."""

    def __init__(self, trainer: Trainer, measured: Measured) -> None:
        self._trainer = trainer
        self._measured = measured
        self._walk: Walkthrough | None = None
        self._before_walk: Checkpoint | None = None

    @property
    def walking(self) -> bool:
        """Whether a walk is in the middle of an iteration."""
        return self._walk is not None and not self._walk.finished

    @property
    def view(self) -> StageView | None:
        """The present stage of a walk; None once iterations have followed it."""
        return None if self._walk is None else self._walk.view

    def walk(self, to: Literal["stage", "turn"]) -> None:
        """Execute the next stage of the iteration, or the rest of its turn."""
        if self._walk is None or self._walk.finished:
            self._before_walk = Checkpoint.of(self._trainer)
            self._walk = Walkthrough(self._trainer)
        if to == "stage":
            self._walk.advance()
        else:
            self._walk.finish_turn()
        if self._walk.metrics is not None:
            self._measured.buffer.append(self._walk.metrics)

    def iterate(self, count: int) -> None:
        """Train up to ``count`` iterations, until the buffer is full; the first one finishes one that a walk has begun."""
        walk, self._walk = self._walk, None
        if walk is not None and not walk.finished:
            self._measured.buffer.append(walk.finish())
            count -= 1
        walk = None  # frees its tensors
        for _ in range(min(count, self._measured.buffer.room)):
            self._measured.buffer.record(self._trainer.step_into)
        self._trainer.synchronize()  # otherwise only the launches on a GPU would be timed
        if self._measured.check_due:
            self._measured.check()

    def state(self) -> Checkpoint:
        """Return the trainer's state, whose arrays change with it; in the middle of a walk, that at its iteration's beginning."""
        before = self._before_walk if self.walking else None
        return before or Checkpoint.of(self._trainer, copy=False)
