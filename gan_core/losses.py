"""A loss's name → what the discriminator and the generator minimise.

Every loss takes logits ``[batch, 1]`` and the targets ``ones`` and ``zeros`` of the same shape, which the
trainer makes once. Discriminator losses come in two parts, one for real and one for fake samples, so that
each can be watched.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import mse_loss

from gan_core.config import LossName

DiscriminatorLoss = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
GeneratorLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """One pair of losses.

    ``discriminator(real_logits, fake_logits, ones, zeros)`` gives the real and the fake part;
    ``generator(fake_logits, ones, zeros)`` the generator's loss. ``averaged``: loss_d is the mean of its two
    parts, else their sum. ``score`` turns logits into D(x): a probability for cross entropy, the raw output
    otherwise. ``penalised``: a gradient penalty is added to loss_d.
    """

    discriminator: DiscriminatorLoss
    generator: GeneratorLoss
    averaged: bool
    score: Callable[[Tensor], Tensor]
    penalised: bool = False

    def combine(self, real_part: Tensor, fake_part: Tensor) -> Tensor:
        """loss_d without its penalty."""
        return (real_part + fake_part) / 2 if self.averaged else real_part + fake_part


def _bce_discriminator(real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
    return bce(real, ones), bce(fake, zeros)


def _least_squares_discriminator(real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
    return mse_loss(real, ones), mse_loss(fake, zeros)


def _wasserstein_discriminator(real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
    return -real.mean(), fake.mean()


def _identity(logits: Tensor) -> Tensor:
    return logits


LOSSES: dict[LossName, Loss] = {
    # Goodfellow et al. 2014, with the generator's non-saturating form: fakes against ones.
    "bce": Loss(_bce_discriminator, lambda fake, ones, zeros: bce(fake, ones), True, torch.sigmoid),
    # The same paper's minimax form: G minimises log(1 - D(G(z))), whose gradient vanishes where D is sure.
    "bce_saturating": Loss(_bce_discriminator, lambda fake, ones, zeros: -bce(fake, zeros), True, torch.sigmoid),
    # Mao et al. 2017, with targets a = 0, b = c = 1.
    "least_squares": Loss(
        _least_squares_discriminator, lambda fake, ones, zeros: mse_loss(fake, ones), True, _identity
    ),
    # Arjovsky et al. 2017 with the penalty of Gulrajani et al. 2017.
    "wasserstein_gp": Loss(_wasserstein_discriminator, lambda fake, ones, zeros: -fake.mean(), False, _identity, True),
}


def gradient_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """Mean of (‖∇D(x̂)‖₂ - 1)² at x̂ drawn uniformly between each real and fake sample, both ``[batch, n]``.

    Source: Gulrajani et al. 2017, "Improved training of Wasserstein GANs", algorithm 1.
    """
    mix = torch.rand(real.shape[0], 1, device=real.device, generator=generator)
    between = (mix * real + (1 - mix) * fake.to(real.dtype)).requires_grad_(True)
    (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    length: Tensor = torch.linalg.vector_norm(slope.float(), dim=1)
    return (length - 1).square().mean()
