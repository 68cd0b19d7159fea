"""What a script needs to know of a run. Loads no PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.architecture import MIN_WORK_FOR_BFLOAT16, MIN_WORK_FOR_ONEDNN, mean_multiplications
from gan_core.changes import UPDATE, settings_over_time
from gan_core.config import GANConfig
from gan_core.data.code import feature_count
from gan_core.losses import LOSSES
from gan_core.losses.base import Loss
from gan_core.seeds import derive
from gan_core.snapshot import Change


@dataclass(frozen=True)
class Recipe:
    """A run's settings at the start, its length, and each change with the settings after it.

    ``features``: of a sample.
    """

    config: GANConfig
    iterations: int
    changes: tuple[tuple[Change, GANConfig], ...]
    features: int

    @classmethod
    def of(cls, config: GANConfig, iterations: int, changes: Sequence[Change] = (), features: int = 0) -> "Recipe":
        """Leave out the changes after the last iteration; ``features`` are those of the dataset if they are not given."""
        due = [change for change in changes if change.iteration < iterations]
        return cls(config, iterations, tuple(settings_over_time(config, due)), features or feature_count(config))

    @property
    def settings(self) -> tuple[GANConfig, ...]:
        """All settings that the run has had, in order."""
        return (self.config, *(config for _, config in self.changes))

    def varies(self, *names: str) -> bool:
        """Return whether one of these settings changes while the run trains."""
        return any({*self.config.differences(config)} & {*names} for config in self.settings)

    @property
    def losses(self) -> dict[str, Loss]:
        """The losses by name, in the order in which they are used."""
        return {config.loss: LOSSES[config.loss] for config in self.settings}

    @property
    def penalised(self) -> bool:
        """Whether one of the losses has a penalty."""
        return any(loss.penalised for loss in self.losses.values())

    @property
    def in_blocks(self) -> bool:
        """Whether D's block and G's block follow each other in one order all the time, as in the lecture."""
        alone = any(UPDATE in change.values for change, _ in self.changes)
        return not alone and not self.varies("update_order") and self.config.update_order != "simultaneous"

    @property
    def bfloat16(self) -> bool:
        """Whether the run computes products in bfloat16 where the machine has instructions for them."""
        return self.config.precision == "bfloat16" and self._work >= MIN_WORK_FOR_BFLOAT16

    @property
    def wide(self) -> bool:
        """Whether the run lets oneDNN and several threads compute products in float32."""
        return self._work >= MIN_WORK_FOR_ONEDNN

    @property
    def exact(self) -> bool:
        """Whether all products are computed in PyTorch's default arithmetic."""
        return not self.wide and not self.bfloat16 and self.config.device in ("auto", "cpu")

    @property
    def _work(self) -> float:
        return mean_multiplications(self.config, self.features)

    def seed(self, stream: str) -> int:
        """Return the seed of a random stream of this run."""
        return derive(self.config.seed, stream)
