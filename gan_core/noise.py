"""The random numbers that fakes are made from."""

import torch
from torch import Tensor

from gan_core.config import NoiseName


def draw_noise(size: tuple[int, int], name: NoiseName, random: torch.Generator) -> Tensor:
    """Noise of ``size`` on the generator's device: normal, or uniform in [-1, 1)."""
    return fill_with_noise(torch.empty(size, device=random.device), name, random)


def fill_with_noise(tensor: Tensor, name: NoiseName, random: torch.Generator) -> Tensor:
    """``tensor``, on the generator's device, filled with what ``draw_noise`` draws for its size."""
    if name == "uniform":
        return tensor.uniform_(-1, 1, generator=random)
    return tensor.normal_(generator=random)
