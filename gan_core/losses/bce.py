"""Binary cross entropy on logits, the lecture's loss.

Source: Goodfellow et al. 2014, "Generative adversarial nets", with the generator's non-saturating form: fakes against
ones. Manual backward: of logit x and target t the loss is (1 - t) x - log σ(x), its gradient σ(x) - t.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from gan_core.losses.base import Balance, LogitBuffers, Loss, ManualBackward

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy(Loss):
    title = "Binary cross entropy"
    balance = Balance(math.log(2), math.log(2), 0.5, "ln 2")
    is_probability = True
    threshold = 0.0
    reading = "If D outputs 0.5 for every sample, both losses are ln 2 = 0.693. D loss is the mean of its two halves."
    explanation_d = "Real samples are compared with ones, fakes with zeros. D minimises the mean of the two losses."
    explanation_g = (
        "The fakes are compared with **ones**: G's loss is small where D takes them for real. With zeros G would learn"
        " to be recognised as fake."
    )
    formula_real = r"-\tfrac1n\sum\log D(x)"
    formula_fake = r"-\tfrac1n\sum\log(1-D(G(z)))"
    formula_g = r"-\tfrac1n\sum\log D(G(z))"
    code_real = "real_loss = bce(real_logits, ones)"
    code_fake = "fake_loss = bce(fake_logits, zeros)"
    code_g = "g_loss = bce(fake_logits, ones)"
    code_import = "from torch.nn.functional import binary_cross_entropy_with_logits as bce"
    sign_g: ClassVar[float] = 1.0  # loss_g is this times the cross entropy of the fakes against target_g

    def discriminator(self, real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
        from torch.nn.functional import binary_cross_entropy_with_logits as bce

        return bce(real, ones), bce(fake, zeros)

    def generator(self, fake: Tensor, ones: Tensor, zeros: Tensor) -> Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits as bce

        return bce(fake, ones)

    def slope_g(self, score: float) -> float:
        return 1 - score

    def manual(self, buffers: LogitBuffers) -> ManualBackward:
        import torch

        batch = buffers.batch
        scores_d, scores_g, scores_after = torch.split(buffers.scores, [2 * batch, batch, batch])
        targets_d, targets_g = torch.split(buffers.targets, [2 * batch, batch])
        # Real and fake separately, as autograd does: PyTorch computes the sigmoid of a tensor's last few numbers with
        # other instructions, whose last bit may differ.
        halves = zip(buffers.logits.chunk(2), scores_d.chunk(2), strict=True)
        logarithms = torch.empty_like(buffers.all_logits)
        return ManualBackward(
            discriminator=[
                *(partial(torch.sigmoid, logits, out=scores) for logits, scores in halves),
                partial(torch.sub, scores_d, targets_d, out=buffers.gradient),
                partial(
                    buffers.gradient.div_, torch.tensor(2.0 * batch, dtype=torch.float32)
                ),  # 2: loss_d is the mean of its parts
            ],
            generator=[
                partial(torch.sigmoid, buffers.logits_g, out=scores_g),
                partial(torch.sub, scores_g, targets_g, out=buffers.gradient_g),
                partial(buffers.gradient_g.div_, torch.tensor(self.sign_g * batch, dtype=torch.float32)),
            ],
            # log σ(x) + (t - 1) x is minus the loss: one operation fewer.
            sample_losses=[
                partial(torch.nn.functional.logsigmoid, buffers.all_logits, out=logarithms),  # type: ignore[call-arg]
                partial(torch.addcmul, logarithms, buffers.targets - 1, buffers.all_logits, out=buffers.sample_losses),
            ],
            score_after=[partial(torch.sigmoid, buffers.logits_g, out=scores_after)],
            signs=(-1.0, -1.0, -self.sign_g),
        )
