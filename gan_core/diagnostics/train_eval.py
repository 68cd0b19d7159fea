"""One generator, one noise, three pictures: what BatchNorm normalises by makes the difference."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.diagnostics.measures import drifts
from gan_core.diagnostics.views import TrainEvalComparison
from gan_core.networks import batch_statistics_only
from gan_core.sampling import generate
from gan_core.training.trainer import Trainer


@torch.no_grad()
def twins(trainer: Trainer, noise: Tensor, count: int) -> TrainEvalComparison:
    """The first ``count`` of the batch ``noise`` ``[batch, latent_dim]`` in train mode, eval mode and one at a time."""
    network = trainer.generator

    def shown(fakes: Tensor) -> NDArray[np.float32]:
        pictures: NDArray[np.float32] = fakes.float().cpu().numpy().reshape(-1, *trainer.dataset.shape)
        return pictures

    refusal, alone = "", None
    with batch_statistics_only(network):
        train = shown(network(noise)[:count])
        try:
            alone = shown(torch.cat([network(single) for single in noise[:count].unsqueeze(1)]))
        except ValueError as error:  # BatchNorm has no deviation of one value
            refusal = str(error)
    return TrainEvalComparison(train, generate(trainer, noise[:count]), alone, refusal, drifts(network, noise))
