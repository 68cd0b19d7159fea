"""Samples to look at, drawn so that looking changes nothing."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.config import GANConfig
from gan_core.noise import draw_noise
from gan_core.seeds import stream
from gan_core.training.trainer import Trainer


def sample_noise(seed: int, count: int, config: GANConfig) -> Tensor:
    """Noise ``[count, latent_dim]`` that any PyTorch makes again from ``seed``: the snippet on the page does."""
    return draw_noise((count, config.latent_dim), config.noise, torch.Generator().manual_seed(seed))


@torch.no_grad()
def generate(trainer: Trainer, noise: Tensor) -> NDArray[np.float32]:
    """Fakes ``[n, *shape]`` in [-1, 1] as the downloaded generator makes them.

    BatchNorm is in eval mode: each picture depends on its own noise alone, and no statistics are touched.
    """
    network = trainer.generator
    network.eval()
    try:
        with trainer.arithmetic.products():  # the fastest exact library; weights and sums stay float32
            fakes = network(noise.to(trainer.device))
    finally:
        network.train()
    shown: NDArray[np.float32] = fakes.float().cpu().numpy().reshape(-1, *trainer.dataset.shape)
    return shown


def real_samples(trainer: Trainer, count: int) -> NDArray[np.float32]:
    """``count`` real samples ``[count, *shape]``, chosen by a random stream that training does not use."""
    dataset = trainer.dataset
    chosen = torch.randperm(dataset.count, generator=stream(trainer.config.seed, "real_samples"))[:count]
    shown: NDArray[np.float32] = dataset.batch(chosen).cpu().numpy()
    return shown.reshape(-1, *dataset.shape)
