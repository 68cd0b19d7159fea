"""Samples for display, drawn without changing the run."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.config import GANConfig
from gan_core.noise import draw_noise
from gan_core.seeds import stream
from gan_core.training.trainer import Trainer


def sample_noise(seed: int, count: int, config: GANConfig) -> Tensor:
    """Return noise ``[count, latent_dim]`` that any PyTorch reproduces from ``seed``, as the page's snippet does."""
    return draw_noise((count, config.latent_dim), config.noise, torch.Generator().manual_seed(seed))


@torch.no_grad()
def generate(trainer: Trainer, noise: Tensor) -> NDArray[np.float32]:
    """Return fakes ``[n, *shape]`` in [-1, 1] as the downloaded generator makes them.

    BatchNorm is in eval mode: each fake depends on its own noise only, and no statistics change.
    """
    network = trainer.generator
    network.eval()
    try:
        with trainer.arithmetic.products():  # the fastest exact library; weights and sums stay float32
            fakes = network(noise.to(trainer.device))
    finally:
        network.train()
    samples: NDArray[np.float32] = fakes.float().cpu().numpy().reshape(-1, *trainer.dataset.shape)
    return samples


def real_samples(trainer: Trainer, count: int) -> NDArray[np.float32]:
    """Return ``count`` real samples ``[count, *shape]``, chosen by a random stream that training does not use."""
    dataset = trainer.dataset
    chosen = torch.randperm(dataset.count, generator=stream(trainer.config.seed, "real_samples"))[:count]
    samples: NDArray[np.float32] = dataset.batch(chosen).cpu().numpy()
    return samples.reshape(-1, *dataset.shape)
