"""Least squares on logits, with targets 1 for real and 0 for fake.

Source: Mao et al. 2017, "Least squares generative adversarial networks", with a = 0 and b = c = 1. Manual backward: of
logit x and target t the loss is (x - t)², its gradient 2 (x - t).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gan_core.losses.base import Balance, LogitBuffers, Loss, ManualBackward

if TYPE_CHECKING:
    from torch import Tensor


class LeastSquares(Loss):
    title = "Least squares"
    balance = Balance(0.25, 0.25, 0.5, "0.25")
    threshold = 0.5
    reading = (
        "If D outputs 0.5 for every sample, both losses are 0.25. D's targets are 1 for real and 0 for fake samples."
    )
    explanation_d = "D minimises squared distances: of real logits to one, and of fake logits to zero."
    explanation_g = "G minimises the squared distance of the fakes' logits to **one**, the target of real samples."
    formula_real = r"\tfrac1n\sum(D(x)-1)^2"
    formula_fake = r"\tfrac1n\sum D(G(z))^2"
    formula_g = r"\tfrac1n\sum(D(G(z))-1)^2"
    code_real = "real_loss = mse(real_logits, ones)"
    code_fake = "fake_loss = mse(fake_logits, zeros)"
    code_g = "g_loss = mse(fake_logits, ones)"
    code_import = "from torch.nn.functional import mse_loss as mse"

    def discriminator(self, real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
        from torch.nn.functional import mse_loss

        return mse_loss(real, ones), mse_loss(fake, zeros)

    def generator(self, fake: Tensor, ones: Tensor, zeros: Tensor) -> Tensor:
        from torch.nn.functional import mse_loss

        return mse_loss(fake, ones)

    def slope_g(self, score: float) -> float:
        return 2 * abs(score - 1)

    def manual(self, buffers: LogitBuffers) -> ManualBackward:
        import torch

        batch = buffers.batch
        scores, scores_after = torch.split(buffers.scores, [3 * batch, batch])
        targets_d, targets_g = torch.split(buffers.targets, [2 * batch, batch])
        factor = torch.tensor(2 / batch, dtype=torch.float32)
        return ManualBackward(
            discriminator=[
                partial(torch.sub, buffers.logits, targets_d, out=buffers.gradient),
                partial(buffers.gradient.mul_, factor / 2),
            ],
            generator=[
                partial(torch.sub, buffers.logits_g, targets_g, out=buffers.gradient_g),
                partial(buffers.gradient_g.mul_, factor),
            ],
            sample_losses=[
                partial(scores.copy_, buffers.all_logits),
                partial(torch.sub, buffers.all_logits, buffers.targets, out=buffers.sample_losses),
                partial(buffers.sample_losses.square_),
            ],
            score_after=[partial(scores_after.copy_, buffers.logits_g)],
        )
