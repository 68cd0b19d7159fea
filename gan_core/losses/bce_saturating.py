"""The minimax form of cross entropy: G minimises log(1 - D(G(z))), whose gradient vanishes where D is sure.

Source: Goodfellow et al. 2014, "Generative adversarial nets", equation 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gan_core.losses.base import Balance
from gan_core.losses.bce import CrossEntropy

if TYPE_CHECKING:
    from torch import Tensor


class SaturatingCrossEntropy(CrossEntropy):
    title = "Cross entropy, saturating G"
    balance = Balance(math.log(2), -math.log(2), 0.5, "ln 2")
    target_g = 0.0
    sign_g = -1.0
    reading = (
        "If D outputs 0.5 for all, D loss is 0.693, G loss -0.693. G loss is flat near 0, where D is sure of the fakes."
    )
    explanation_g = (
        "The fakes are compared with zeros and the sign is reversed: G maximises D's loss on them. The slope of this loss"
        " over a fake's logit is D(G(z)): where D is sure of a fake, it is near 0."
    )
    formula_g = r"\tfrac1n\sum\log(1-D(G(z)))"
    code_g = "g_loss = -bce(fake_logits, zeros)"

    def generator(self, fake: Tensor, ones: Tensor, zeros: Tensor) -> Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits as bce

        return -bce(fake, zeros)

    def slope_g(self, score: float) -> float:
        return score
