"""The hinge loss: D stops learning from samples that it already scores beyond its margin.

Sources: Lim and Ye 2017, "Geometric GAN"; Miyato et al. 2018, "Spectral normalization for generative adversarial
networks", equations 16 and 17. Manual backward: of logit x the losses are max(0, 1 - x) for real and max(0, 1 + x) for
fake samples, with gradients -1 and 1 inside the margin and 0 beyond it; G's loss is -x, its gradient -1.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gan_core.losses.base import Balance, LogitBuffers, Loss, ManualBackward

if TYPE_CHECKING:
    from torch import Tensor


class Hinge(Loss):
    title = "Hinge"
    balance = Balance(2.0, None, None, "2")
    threshold = 0.0
    averaged = False
    reading = (
        "If D outputs 0 for every sample, D loss is 2; at 0 all are beyond their margins. G loss has no such level."
    )
    explanation_d = (
        "D should score real samples above 1 and fakes below -1. A sample beyond its margin adds nothing to the loss."
    )
    explanation_g = "G wants its fakes scored high: its loss is minus their mean score."
    formula_real = r"\tfrac1n\sum\max(0,\,1-D(x))"
    formula_fake = r"\tfrac1n\sum\max(0,\,1+D(G(z)))"
    formula_g = r"-\tfrac1n\sum D(G(z))"
    code_real = "real_loss = (1 - real_logits).relu().mean()"
    code_fake = "fake_loss = (1 + fake_logits).relu().mean()"
    code_g = "g_loss = -fake_logits.mean()"

    def discriminator(self, real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
        return (1 - real).relu().mean(), (1 + fake).relu().mean()

    def generator(self, fake: Tensor, ones: Tensor, zeros: Tensor) -> Tensor:
        return -fake.mean()

    def slope_g(self, score: float) -> float:
        return 1.0

    def manual(self, buffers: LogitBuffers) -> ManualBackward:
        import torch

        batch = buffers.batch
        real_losses, fake_losses, losses_g = buffers.sample_losses.chunk(3)
        real_gradient, fake_gradient = buffers.gradient.chunk(2)
        real, fake = buffers.logits.chunk(2)
        scores, scores_after = torch.split(buffers.scores, [3 * batch, batch])
        slope = torch.full((batch, 1), 1 / batch, dtype=torch.float32)
        return ManualBackward(
            discriminator=[
                partial(torch.sub, 1, real, out=real_losses),
                partial(torch.add, fake, 1, out=fake_losses),
                partial(buffers.sample_losses[: 2 * batch].relu_),
                partial(torch.gt, real_losses, 0, out=real_gradient),
                partial(torch.gt, fake_losses, 0, out=fake_gradient),
                partial(real_gradient.mul_, -slope),
                partial(fake_gradient.mul_, slope),
            ],
            generator=[partial(buffers.gradient_g.copy_, -slope)],
            sample_losses=[
                partial(scores.copy_, buffers.all_logits),
                partial(losses_g.copy_, buffers.all_logits[2 * batch :]),
            ],
            score_after=[partial(scores_after.copy_, buffers.logits_g)],
            signs=(1.0, 1.0, -1.0),
        )
