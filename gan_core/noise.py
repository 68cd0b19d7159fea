"""The generator's random input."""

import torch
from torch import Tensor

from gan_core.config import NoiseName


def draw_noise(size: tuple[int, int], name: NoiseName, random: torch.Generator) -> Tensor:
    """Return noise of ``size`` on the device of ``random``: standard normal, or uniform in [-1, 1)."""
    return fill_with_noise(torch.empty(size, dtype=torch.float32, device=random.device), name, random)


def fill_with_noise(tensor: Tensor, name: NoiseName, random: torch.Generator) -> Tensor:
    """Fill ``tensor``, on the device of ``random``, with the values that ``draw_noise`` returns; return it."""
    if name == "uniform":
        return tensor.uniform_(-1, 1, generator=random)
    return tensor.normal_(generator=random)
