"""Render a run's samples: fakes from fixed noise, real samples and, on 2-D data, a view of both networks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gan_core.config import GANConfig
from gan_core.diagnostics.points import PointsDiagnostics
from gan_core.diagnostics.views import PointsView
from gan_core.sampling import generate, real_samples, sample_noise
from gan_core.snapshot import samples_shown
from gan_core.training.trainer import Trainer


@dataclass(frozen=True)
class Rendered:
    """Samples by the networks of one iteration: fakes ``[n, *shape]`` and, on 2-D data, a view of both networks."""

    iteration: int
    fake: NDArray[np.float32]
    points: PointsView | None


class Renderer:
    """Renders one run from the same noise each time; ``real``: real samples ``[n, *shape]`` to compare with."""

    def __init__(self, trainer: Trainer) -> None:
        self._count = samples_shown(trainer.dataset.shape)
        self._first_noise = sample_noise(0, self._count, trainer.config)
        self.use_noise(0, trainer.config)
        self.use_dataset(trainer)

    def use_noise(self, seed: int, config: GANConfig) -> None:
        """Render fakes from the noise of this seed from now on."""
        self.seed = seed
        self._noise = sample_noise(seed, self._count, config)

    def use_dataset(self, trainer: Trainer) -> None:
        """Take the real samples from the trainer's present dataset."""
        self.real = real_samples(trainer, self._count)
        self._points = PointsDiagnostics(trainer) if trainer.dataset.shape == (2,) else None

    def render(self, trainer: Trainer) -> Rendered:
        """Render samples from the trainer's present weights, without changing the trainer."""
        return self._render(trainer, self._noise)

    def render_first_noise(self, trainer: Trainer) -> Rendered:
        """Do the same from the noise of seed 0, whatever is shown now: such samples of different iterations compare."""
        return self._render(trainer, self._first_noise)

    def _render(self, trainer: Trainer, noise: Tensor) -> Rendered:
        fake = generate(trainer, noise)
        return Rendered(trainer.iteration, fake, self._points.view(trainer, fake) if self._points else None)
