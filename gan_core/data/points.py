"""2-D distributions that a GAN learns within minutes.

Each has ``COUNT`` fixed points, sampled from a random stream of its own: they are the same in every run, whatever its
seed. All points lie in [-1, 1]², at a distance from the border, which the generator's Tanh does not reach.
"""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Generator, Tensor

from gan_core.config import GANConfig
from gan_core.data.dataset import Dataset, Modes
from gan_core.data.drawing import EXTENT, SIDE, unpack
from gan_core.data.errors import DataError
from gan_core.seeds import stream

COUNT = 10_000


def load(config: GANConfig, own: Path | None = None) -> Dataset:
    """Return the points of ``config.dataset``, ``[COUNT, 2]``, with their modes if they are known."""
    name = config.dataset
    random, modes = points_stream(name), MODES.get(name)
    points = SHAPES[name](random) if modes is None else _gaussians(modes, random)
    return Dataset(name, "", points, (2,), modes=modes)


def points_stream(name: str) -> Generator:
    """Return the random stream of a 2-D dataset. Its name fixes the points bit for bit and must not change."""
    return stream(0, f"plane/{name}")


def load_drawing(config: GANConfig, own: Path | None = None) -> Dataset:
    """Sample ``COUNT`` points evenly from the painted cells of ``config.drawing``, ``[COUNT, 2]``.

    DataError if it is not a drawing, or an empty one.
    """
    drawing, random = config.drawing, points_stream(config.dataset)
    setting = GANConfig.setting("drawing")
    try:
        painted = torch.from_numpy(unpack(drawing)).nonzero() if drawing else torch.zeros(0, 2, dtype=torch.int64)
    except ValueError as error:
        raise DataError(setting.refusal(drawing, str(error))) from error
    if not len(painted):
        raise DataError(setting.refusal(drawing, "it should have at least one painted cell, and none is painted"))
    cells = painted[torch.randint(len(painted), (COUNT,), generator=random)]
    row, column = (cells + torch.rand(COUNT, 2, generator=random, dtype=torch.float32)).unbind(dim=1)
    points = (torch.stack([column, SIDE - row], dim=1) * (2 / SIDE) - 1) * EXTENT
    return Dataset(config.dataset, "", points, (2,))


# Gaussians: the modes are known ------------------------------------------------------------------------------


def _on_a_ring(count: int, radius: float) -> Tensor:
    angles = torch.arange(count, dtype=torch.float32) * (2 * math.pi / count)
    return radius * torch.stack([angles.cos(), angles.sin()], dim=1)


def _on_a_grid(side: int, half: float) -> Tensor:
    steps = torch.linspace(-half, half, side, dtype=torch.float32)
    return torch.cartesian_prod(steps, steps)


# Ring and grid are those of Srivastava et al. 2017 (VEEGAN) and Lin et al. 2018 (PacGAN), scaled to [-1, 1]. Their
# deviations, a hundredth of the radius, would be too small to see.
MODES: dict[str, Modes] = {
    "two_gaussians": Modes(torch.tensor([[-0.4, -0.4], [0.4, 0.4]], dtype=torch.float32), 0.12),
    "eight_gaussians": Modes(_on_a_ring(8, 0.75), 0.04),
    "grid_25": Modes(_on_a_grid(5, 0.8), 0.03),
    "disjoint": Modes(torch.tensor([[-0.6, 0.45], [0.65, 0.55], [0.1, -0.65]], dtype=torch.float32), 0.07),
}


def _gaussians(modes: Modes, random: Generator) -> Tensor:
    """Sample the same number of points from each mode, to within one."""
    centres = modes.centres[torch.arange(COUNT) % len(modes.centres)]
    return centres + modes.deviation * _normal(random, 2)


# Shapes ------------------------------------------------------------------------------------------------------


def _uniform(random: Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    return low + (high - low) * torch.rand(COUNT, generator=random, dtype=torch.float32)


def _normal(random: Generator, features: int) -> Tensor:
    return torch.randn(COUNT, features, generator=random, dtype=torch.float32)


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def _line(random: Generator) -> Tensor:
    """A stroke from lower left to upper right, blurred by 0.02."""
    along = _uniform(random, -0.8, 0.8)
    return torch.stack([along, 0.6 * along], dim=1) + 0.02 * _normal(random, 2)


def _ring(random: Generator) -> Tensor:
    """A circle of radius 0.7, blurred by 0.02."""
    return _polar(torch.tensor(0.7, dtype=torch.float32), _uniform(random, 0, 2 * math.pi)) + 0.02 * _normal(random, 2)


def _two_moons(random: Generator) -> Tensor:
    """scikit-learn's ``make_moons``, two interleaving half circles, scaled to [-1, 1]."""
    angle, lower = _uniform(random, 0, math.pi), torch.arange(COUNT) % 2 == 1
    across = torch.where(lower, 1 - angle.cos(), angle.cos())
    up = torch.where(lower, 0.5 - angle.sin(), angle.sin())
    middle = torch.tensor([0.5, 0.25], dtype=torch.float32)
    return 0.55 * (torch.stack([across, up], dim=1) - middle) + 0.02 * _normal(random, 2)


def _swiss_roll(random: Generator) -> Tensor:
    """scikit-learn's ``make_swiss_roll`` seen along its axis: one and a half turns, denser towards the middle."""
    angle = 1.5 * math.pi * (1 + 2 * _uniform(random))
    return 0.85 / (4.5 * math.pi) * _polar(angle, angle) + 0.015 * _normal(random, 2)


def _spiral(random: Generator) -> Tensor:
    """Two arms from the middle, one turn each, evenly filled."""
    out = _uniform(random).sqrt()  # the area grows with the square of the radius
    arm = torch.arange(COUNT, dtype=torch.float32) % 2
    return _polar(0.85 * out, 2 * math.pi * out + math.pi * arm) + 0.015 * _normal(random, 2)


def _checkerboard(random: Generator) -> Tensor:
    """The eight dark squares of a board of 4×4 over [-0.9, 0.9]², the lower left one dark, evenly filled."""
    row, pair = torch.randint(4, (COUNT,), generator=random), torch.randint(2, (COUNT,), generator=random)
    corner = torch.stack([2 * pair + row % 2, row], dim=1)
    within = torch.rand(COUNT, 2, generator=random, dtype=torch.float32)
    return (corner + within) * 0.45 - 0.9


SHAPES: dict[str, Callable[[Generator], Tensor]] = {
    "line": _line,
    "ring": _ring,
    "two_moons": _two_moons,
    "swiss_roll": _swiss_roll,
    "spiral": _spiral,
    "checkerboard": _checkerboard,
}
