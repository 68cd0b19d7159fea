"""What the manual engine does with D's logits: the gradient that goes back from them, and what an update measures."""

from functools import partial

import torch
from torch import Tensor

from gan_core.losses.base import LogitBuffers, Loss
from gan_core.metrics import COLUMNS
from gan_core.training.engines.passes import Call

# What is kept of each sample; the means of these and three numbers more are the metrics.
KEPT = ("loss_d_real", "loss_d_fake", "loss_g", "d_real", "fakes of D", "d_fake", "d_fake_after")
VALUES = (*KEPT, "loss_d", "grad_norm_d", "grad_norm_g")


class Head:
    """One loss, for batches of one size, as lists of operations on tensors that are made once.

    Whoever fills logits executes ``discriminator`` or ``generator``, which fill the gradient. Measuring can wait, and
    takes fewer operations for both networks together: ``losses``; ``score_after``, of newer logits in ``logits_g``; and
    then ``means``, which fills ``values``.
    """

    def __init__(self, batch: int, loss: Loss) -> None:
        all_logits = torch.zeros(3 * batch, 1)
        self.logits, kept_logits_g = torch.split(all_logits, [2 * batch, batch])
        self.logits_g = torch.zeros(batch, 1)  # apart: what products fill has to begin where a new tensor would
        self.gradient, self.gradient_g = torch.zeros(2 * batch, 1), torch.zeros(batch, 1)
        targets = torch.cat((torch.ones(batch, 1), torch.zeros(batch, 1), torch.full((batch, 1), loss.target_g)))
        kept = torch.zeros(len(KEPT), batch)
        sample_losses, scores = kept[:3].view(-1, 1), kept[3:].view(-1, 1)
        manual = loss.manual(
            LogitBuffers(
                batch,
                self.logits,
                self.logits_g,
                all_logits,
                self.gradient,
                self.gradient_g,
                targets,
                sample_losses,
                scores,
            )
        )
        assert manual is not None, "unsupported() has excluded this loss"
        self.discriminator, self.score_after = manual.discriminator, manual.score_after
        self.generator: list[Call] = [*manual.generator, partial(kept_logits_g.copy_, self.logits_g)]
        self.losses = manual.sample_losses
        self.values = torch.zeros(len(VALUES))
        self.value = dict(zip(VALUES, self.values.unbind(), strict=True))
        sums, divisors = torch.zeros(len(KEPT)), batch * torch.tensor([*manual.signs, 1, 1, 1, 1])
        self.means: list[Call] = [
            partial(torch.sum, kept, 1, out=sums),
            partial(torch.div, sums, divisors, out=self.values[: len(KEPT)]),
            partial(
                torch.dot, self.values[:2], torch.full((2,), 0.5 if loss.averaged else 1.0), out=self.value["loss_d"]
            ),
        ]
        self._columns = torch.tensor([VALUES.index(name) for name in COLUMNS])

    def write(self, row: Tensor) -> None:
        """Put ``values`` into ``row``, float32 ``[len(COLUMNS)]``."""
        torch.index_select(self.values, 0, self._columns, out=row)
