"""Compare a generator in train and eval mode: the same noise, normalised by other statistics."""

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
def compare_train_eval(trainer: Trainer, noise: Tensor, count: int) -> TrainEvalComparison:
    """Generate from the first ``count`` of ``noise`` ``[batch, latent_dim]`` in train mode, eval mode and one by one."""
    network = trainer.generator

    def to_numpy(fakes: Tensor) -> NDArray[np.float32]:
        samples: NDArray[np.float32] = fakes.float().cpu().numpy().reshape(-1, *trainer.dataset.shape)
        return samples

    refusal, alone = "", None
    with batch_statistics_only(network):
        train = to_numpy(network(noise)[:count])
        try:
            alone = to_numpy(torch.cat([network(single) for single in noise[:count].unsqueeze(1)]))
        except ValueError as error:  # BatchNorm cannot normalise a single sample in train mode
            refusal = str(error)
    return TrainEvalComparison(train, generate(trainer, noise[:count]), alone, refusal, drifts(network, noise))
