"""What there is to see of a GAN in the plane: D everywhere, G's sheet of noise, and how near the fakes have come."""

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.config import NoiseName
from gan_core.data.dataset import Modes
from gan_core.diagnostics.views import PointsView, Values
from gan_core.losses import LOSSES
from gan_core.noise import draw_noise
from gan_core.sampling import generate
from gan_core.seeds import derive, stream
from gan_core.training.trainer import Trainer

BINS = 20  # cells along each axis: a tenth of the unit wide
LATTICE = 41  # points along each axis at which D is asked
SHEET = 21  # lines of noise each way
STRING = 200  # points of noise if z is a single number
MEASURED = 2_000  # fakes, and as many real points, that are compared
PAIRS = 8  # of samples that the floor is the mean of


# Numbers -----------------------------------------------------------------------------------------------------


def jensen_shannon(first: Values, second: Values, bins: int = BINS) -> float:
    """Jensen–Shannon divergence in bits, from 0 (alike) to 1 (nowhere together), of two samples ``[n, 2]``, ``[m, 2]``.

    Both are counted on a grid of ``bins``² cells over [-1, 1]²; what lies outside counts in the cell at the border
    that is nearest. Source: Lin 1991, "Divergence measures based on the Shannon entropy", with logarithms to base 2.
    """
    p, q = _shares(first, bins), _shares(second, bins)
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _shares(points: Values, bins: int) -> NDArray[np.float64]:
    """How much of the sample lies in each cell."""
    column, row = ((points.astype(np.float64) + 1) * (bins / 2)).clip(0, bins - 1).astype(np.intp).T
    return np.bincount(row * bins + column, minlength=bins * bins) / len(points)


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    there = p > 0  # an empty cell adds nothing: x log x goes to 0 with x
    return float((p[there] * np.log2(p[there] / q[there])).sum())


def floor(points: Values, size: int, pairs: int, random: np.random.Generator) -> float:
    """Mean divergence of ``pairs`` pairs of samples of ``size`` real points: what the best generator still shows.

    The two of a pair have no point in common if the set has points enough. Of a smaller set both are drawn with
    replacement, and the floor is what a generator shows that repeats the set's own points: a generator that has
    learnt the distribution behind them stays above it.
    """
    found = [jensen_shannon(*_two_samples(points, size, random)) for _ in range(pairs)]
    return float(np.mean(found))


def _two_samples(points: Values, size: int, random: np.random.Generator) -> tuple[Values, Values]:
    chosen = random.choice(len(points), 2 * size, replace=len(points) < 2 * size)
    return points[chosen[:size]], points[chosen[size:]]


def modes_covered(points: Values, modes: Modes) -> tuple[int, float]:
    """How many modes the points ``[n, 2]`` cover, and the share of points that are good.

    A point is good within 3 deviations of the nearest centre, as in Srivastava et al. 2017 (VEEGAN) and Lin et al.
    2018 (PacGAN). They count a mode as covered with a single good point; of some thousand fakes a few are strewn
    over the way from mode to mode and would cover what the generator does not make. Here it takes a tenth of the
    mode's fair share, n / modes.
    """
    centres = modes.centres.cpu().numpy()
    distances = np.linalg.norm(points[:, None] - centres, axis=2)
    nearest = distances.argmin(axis=1)
    good = distances.min(axis=1) <= 3 * modes.deviation
    counts = np.bincount(nearest[good], minlength=len(centres))
    return int((counts * len(centres) * 10 >= len(points)).sum()), float(good.mean())


# Lattices ----------------------------------------------------------------------------------------------------


def lattice(size: int) -> Tensor:
    """Points ``[size², 2]`` over [-1, 1]², borders included, row by row from y = -1 up."""
    places = torch.linspace(-1, 1, size)
    return torch.cartesian_prod(places, places).flip(1)


@cache
def noise_lattice(latent_dim: int, noise: NoiseName) -> Tensor | None:
    """Noise ``[rows, columns, latent_dim]``; None if z has more than two numbers.

    Its lines stand in even steps of probability, so that a fake falls into each mesh equally often. Those of uniform
    noise run from -1 to 1; normal noise has no ends, and its first and last line stand at half a step from nowhere.
    """
    if latent_dim > 2:
        return None
    count = STRING if latent_dim == 1 else SHEET
    places = torch.linspace(-1, 1, count) if noise == "uniform" else _normal_quantiles(count)
    if latent_dim == 1:
        return places.reshape(1, count, 1)
    return torch.cartesian_prod(places, places).flip(1).reshape(count, count, 2)


def _normal_quantiles(count: int) -> Tensor:
    quantiles: Tensor = torch.special.ndtri((torch.arange(count) + 0.5) / count)
    return quantiles


# The watch ---------------------------------------------------------------------------------------------------


class PointsDiagnostics:
    """Looks at one run whose samples are points of the plane; made once, it compares with the same points each time.

    Looking changes nothing: networks are in eval mode, gradients are taken with respect to points alone, and the
    noise comes from a stream of its own.
    """

    def __init__(self, trainer: Trainer) -> None:
        dataset, config = trainer.dataset, trainer.config
        random = np.random.default_rng(derive(0, "plane/watch"))
        points: Values = dataset.batch(torch.arange(dataset.count)).cpu().numpy()
        self.real = points[random.choice(len(points), MEASURED, replace=len(points) < MEASURED)]
        self.floor = floor(points, MEASURED, PAIRS, random)
        self.modes = dataset.modes
        self._noise = draw_noise((MEASURED, config.latent_dim), config.noise, stream(0, "plane/noise"))
        self._sheet = noise_lattice(config.latent_dim, config.noise)
        self._lattice = lattice(LATTICE).to(trainer.device)

    def view(self, trainer: Trainer, fakes: Values) -> PointsView | None:
        """What there is to see now; ``fakes``: the ``[n, 2]`` whose pull is wanted.

        None where a network makes numbers that are not finite: the run has diverged, and says so itself.
        """
        measured = generate(trainer, self._noise)
        manifold = None if self._sheet is None else _sheet(trainer, self._sheet)
        scores, pull = self._scores(trainer), _sample_gradient(trainer, fakes)
        if not all(np.isfinite(values).all() for values in (measured, scores, pull)):
            return None
        covered, good = (0, math.nan) if self.modes is None else modes_covered(measured, self.modes)
        return PointsView(
            scores=scores,
            manifold=manifold,
            sample_gradient=pull,
            divergence=jensen_shannon(self.real, measured),
            floor=self.floor,
            modes=0 if self.modes is None else len(self.modes.centres),
            covered=covered,
            good=good,
        )

    @torch.no_grad()
    def _scores(self, trainer: Trainer) -> Values:
        scores = LOSSES[trainer.config.loss].score(_logits(trainer, self._lattice))
        return _numbers(scores).reshape(LATTICE, LATTICE)


def _logits(trainer: Trainer, points: Tensor) -> Tensor:
    """D's logits ``[n, 1]`` with BatchNorm, if it has any, in eval mode: each point's depends on itself alone."""
    network = trainer.discriminator
    network.eval()
    try:
        logits: Tensor = network(points).float()
    finally:
        network.train()
    return logits


def _sample_gradient(trainer: Trainer, fakes: Values) -> Values:
    points = torch.from_numpy(fakes).to(trainer.device).requires_grad_(True)
    logits = _logits(trainer, points)
    loss = LOSSES[trainer.config.loss].generator(logits, torch.ones_like(logits), torch.zeros_like(logits))
    (gradient,) = torch.autograd.grad(loss * len(fakes), points)  # the loss is a mean over the fakes
    return _numbers(-gradient)


def _sheet(trainer: Trainer, noise: Tensor) -> Values:
    return generate(trainer, noise.flatten(0, 1)).reshape(*noise.shape[:2], 2)


def _numbers(tensor: Tensor) -> Values:
    numbers: Values = tensor.detach().cpu().numpy()
    return numbers
