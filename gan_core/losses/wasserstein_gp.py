"""The Wasserstein loss with a gradient penalty.

Sources: Arjovsky et al. 2017, "Wasserstein GAN"; the penalty: Gulrajani et al. 2017, "Improved training of Wasserstein
GANs", algorithm 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_core.losses.base import Balance, Loss

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn


class WassersteinPenalty(Loss):
    title = "Wasserstein, gradient penalty"
    balance = Balance(0.0, None, None, "0")
    averaged = False
    penalised = True
    reading = (
        "D loss is D(G(z)) - D(x), plus the penalty. Below 0, D scores real samples higher by more than the penalty."
    )
    explanation_d = "D should score real samples high and fakes low."
    explanation_g = "G wants its fakes scored high: its loss is minus their mean score."
    formula_real = r"-\tfrac1n\sum D(x)"
    formula_fake = r"\tfrac1n\sum D(G(z))"
    formula_g = r"-\tfrac1n\sum D(G(z))"
    code_real = "real_loss = -real_logits.mean()"
    code_fake = "fake_loss = fake_logits.mean()"
    code_g = "g_loss = -fake_logits.mean()"
    code_penalty = '''def penalty(real, fake):
    """The mean of (length of D's gradient - 1)², at points drawn uniformly between real samples and fakes."""
    mix = torch.rand(len(real), 1, generator=noise_penalty, device=device)
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    return (torch.linalg.vector_norm(gradient, dim=1) - 1).square().mean()'''

    def discriminator(self, real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
        return -real.mean(), fake.mean()

    def generator(self, fake: Tensor, ones: Tensor, zeros: Tensor) -> Tensor:
        return -fake.mean()

    def slope_g(self, score: float) -> float:
        return 1.0

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor, random: Generator) -> Tensor:
        """Return the mean of (‖∇D(x̂)‖₂ - 1)², 0-d, at x̂ drawn uniformly between real and fake samples ``[batch, features]``."""
        import torch

        mix = torch.rand(real.shape[0], 1, dtype=torch.float32, device=real.device, generator=random)
        between = (mix * real + (1 - mix) * fake.to(real.dtype)).requires_grad_(True)
        (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
        length: Tensor = torch.linalg.vector_norm(slope.float(), dim=1)
        return (length - 1).square().mean()
