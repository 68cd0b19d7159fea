"""Diagnostics of a GAN on 2-D data: a map of D(x), G's map of a noise lattice, and fakes against real points."""

import math

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

BINS = 20  # cells along each axis, each 0.1 wide
LATTICE = 41  # points along each axis at which D is evaluated
NOISE_LINES = 21  # lines of the noise lattice along each axis if z is two numbers
NOISE_POINTS = 200  # points of the noise lattice if z is one number
MEASURED = 2_000  # fakes, and as many real points, that are compared
PAIRS = 8  # pairs of samples whose mean divergence is the floor


# Numbers -----------------------------------------------------------------------------------------------------


def jensen_shannon(first: Values, second: Values, bins: int = BINS) -> float:
    """Return the Jensen–Shannon divergence of samples ``[n, 2]`` and ``[m, 2]`` in bits: 0 if equal, 1 if disjoint.

    Both are counted on a grid of ``bins``² cells over [-1, 1]²; a point outside counts in the nearest cell. Source:
    Lin 1991, "Divergence measures based on the Shannon entropy", with logarithms to base 2.
    """
    p, q = _shares(first, bins), _shares(second, bins)
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _shares(points: Values, bins: int) -> NDArray[np.float64]:
    """Return the share of the sample in each cell."""
    column, row = ((points.astype(np.float64) + 1) * (bins / 2)).clip(0, bins - 1).astype(np.intp).T
    return np.bincount(row * bins + column, minlength=bins * bins) / len(points)


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    filled = p > 0  # an empty cell adds nothing: x log x goes to 0 with x
    return float((p[filled] * np.log2(p[filled] / q[filled])).sum())


def floor(points: Values, size: int, pairs: int, random: np.random.Generator) -> float:
    """Return the mean divergence of ``pairs`` pairs of samples of ``size`` real points: a perfect generator's.

    The samples of a pair share no point if the dataset is large enough. From a smaller dataset both are drawn with
    replacement: the floor is then that of a generator that repeats the dataset's points, and one that has learnt the
    distribution behind them stays above it.
    """
    chosen = [random.choice(len(points), 2 * size, replace=len(points) < 2 * size) for _ in range(pairs)]
    return float(np.mean([jensen_shannon(points[pair[:size]], points[pair[size:]]) for pair in chosen]))


def modes_covered(points: Values, modes: Modes) -> tuple[int, float]:
    """Return how many modes the points ``[n, 2]`` cover, and the share of good points.

    A point is good within 3 deviations of the nearest centre, as in Srivastava et al. 2017 (VEEGAN) and Lin et al.
    2018 (PacGAN). They count a mode as covered by a single good point, but of some thousand fakes a few lie between the
    modes and would cover a mode that the generator misses. Here it takes a tenth of the fair share, n / modes.
    """
    centres = modes.centres.cpu().numpy()
    distances = np.linalg.norm(points[:, None] - centres, axis=2)
    nearest = distances.argmin(axis=1)
    good = distances.min(axis=1) <= 3 * modes.deviation
    counts = np.bincount(nearest[good], minlength=len(centres))
    return int((counts * len(centres) * 10 >= len(points)).sum()), float(good.mean())


# Lattice -----------------------------------------------------------------------------------------------------


def noise_lattice(latent_dim: int, noise: NoiseName) -> Tensor | None:
    """Return a lattice of noise ``[rows, columns, latent_dim]``; None if z is more than two numbers.

    Its lines are at even steps of probability, so each cell holds equally many fakes. Lines of uniform noise run from
    -1 to 1; normal noise is unbounded, so its first and last lines are half a step from probabilities 0 and 1.
    """
    if latent_dim > 2:
        return None
    count = NOISE_POINTS if latent_dim == 1 else NOISE_LINES
    shares = (torch.arange(count, dtype=torch.float32) + 0.5) / count
    values = torch.linspace(-1, 1, count, dtype=torch.float32) if noise == "uniform" else torch.special.ndtri(shares)
    if latent_dim == 1:
        return values.reshape(1, count, 1)
    return torch.cartesian_prod(values, values).flip(1).reshape(count, count, 2)


# View --------------------------------------------------------------------------------------------------------


class PointsDiagnostics:
    """Makes views of one run on 2-D data; all views compare with the same real points.

    A view does not change the run: networks are in eval mode, gradients are taken with respect to points only, and the
    noise comes from a separate random stream.
    """

    def __init__(self, trainer: Trainer) -> None:
        dataset, config = trainer.dataset, trainer.config
        random = np.random.default_rng(derive(0, "plane/watch"))
        points: Values = dataset.batch(torch.arange(dataset.count)).cpu().numpy()
        self.real = points[random.choice(len(points), MEASURED, replace=len(points) < MEASURED)]
        self.floor = floor(points, MEASURED, PAIRS, random)
        self.modes = dataset.modes
        self._noise = draw_noise((MEASURED, config.latent_dim), config.noise, stream(0, "plane/noise"))
        self._noise_lattice = noise_lattice(config.latent_dim, config.noise)
        coordinates = torch.linspace(-1, 1, LATTICE, dtype=torch.float32)  # row by row from y = -1 up
        self._lattice = torch.cartesian_prod(coordinates, coordinates).flip(1).to(trainer.device)

    def view(self, trainer: Trainer, fakes: Values) -> PointsView | None:
        """Return a view of the present weights, with the sample gradients of ``fakes`` ``[n, 2]``.

        None if a network's outputs are not finite: the run has diverged, and the trainer reports it.
        """
        measured = generate(trainer, self._noise)
        manifold, noise = None, self._noise_lattice
        if noise is not None:
            manifold = generate(trainer, noise.flatten(0, 1)).reshape(*noise.shape[:2], 2)
        with torch.no_grad():
            scores = _to_numpy(LOSSES[trainer.config.loss].score(_logits(trainer, self._lattice)))
        gradient = _sample_gradient(trainer, fakes)
        if not all(np.isfinite(values).all() for values in (measured, scores, gradient)):
            return None
        covered, good = (0, math.nan) if self.modes is None else modes_covered(measured, self.modes)
        return PointsView(
            scores=scores.reshape(LATTICE, LATTICE),
            manifold=manifold,
            sample_gradient=gradient,
            divergence=jensen_shannon(self.real, measured),
            floor=self.floor,
            modes=0 if self.modes is None else len(self.modes.centres),
            covered=covered,
            good=good,
        )


def _logits(trainer: Trainer, points: Tensor) -> Tensor:
    """Return D's logits ``[n, 1]`` in eval mode: with BatchNorm too, each depends on its own point only."""
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
    return _to_numpy(-gradient)


def _to_numpy(tensor: Tensor) -> Values:
    values: Values = tensor.detach().cpu().numpy()
    return values
