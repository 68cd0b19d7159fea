"""The random numbers that fakes are made from."""

import torch
from torch import Tensor

from gan_core.config import NoiseName


def draw_noise(size: tuple[int, int], name: NoiseName, random: torch.Generator) -> Tensor:
    """Noise of ``size`` on the generator's device: normal, or uniform in [-1, 1)."""
    if name == "uniform":
        return torch.rand(size, device=random.device, generator=random) * 2 - 1
    return torch.randn(size, device=random.device, generator=random)
