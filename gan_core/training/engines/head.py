"""The manual engine's work on D's logits: their gradient, and the metrics of an update."""

from functools import partial

import torch
from torch import Tensor

from gan_core.losses.base import LogitBuffers, Loss
from gan_core.metrics import COLUMNS
from gan_core.training.engines.network_buffers import Call

# One number of each sample; their means, and three values more, are the metrics.
SAMPLE_VALUES = (
    "loss_d_real", "loss_d_fake", "loss_g", "d_real", "fakes of D", "d_fake", "d_fake_after",
    "accuracy_real", "accuracy_fake",
)  # fmt: skip
VALUES = (*SAMPLE_VALUES, "loss_d", "grad_norm_d", "grad_norm_g")

# float32, whatever PyTorch's default dtype is.
zeros, full, floats = (partial(make, dtype=torch.float32) for make in (torch.zeros, torch.full, torch.tensor))


class Head:
    """One loss, for batches of one size, as lists of operations on preallocated tensors.

    After filling ``logits`` or ``logits_g``, execute ``discriminator`` or ``generator``, which fill the gradient.
    Metrics of both networks are computed together, in fewer operations: ``losses``; ``score_after``, of newer logits in
    ``logits_g``; and then ``means``, which fills ``values``.
    """

    def __init__(self, batch: int, loss: Loss) -> None:
        all_logits = zeros(3 * batch, 1)
        self.logits, copied_logits_g = torch.split(all_logits, [2 * batch, batch])
        self.logits_g = zeros(batch, 1)  # apart: the alignment of a product's output can change its last bits
        self.gradient, self.gradient_g = zeros(2 * batch, 1), zeros(batch, 1)
        targets = torch.cat([full((batch, 1), target) for target in (1.0, 0.0, loss.target_g)])
        sample_values = zeros(len(SAMPLE_VALUES), batch)
        sample_losses, scores, above = (rows.view(-1, 1) for rows in torch.split(sample_values, [3, 4, 2]))
        manual = loss.manual(
            LogitBuffers(
                batch, self.logits, self.logits_g, all_logits, self.gradient, self.gradient_g, targets, sample_losses, scores
            )
        )  # fmt: skip
        assert manual is not None, "this engine does not support the loss"
        assert loss.threshold is not None, "a loss with a manual backward pass has a threshold"
        self.discriminator, self.score_after = manual.discriminator, manual.score_after
        self.generator: list[Call] = [*manual.generator, partial(copied_logits_g.copy_, self.logits_g)]
        self.losses: list[Call] = [*manual.sample_losses, partial(torch.gt, self.logits, loss.threshold, out=above)]
        self.values = zeros(len(VALUES))
        self.value = dict(zip(VALUES, self.values.unbind(), strict=True))
        # accuracy_fake is 1 minus the share of fakes above the threshold.
        sums, divisors = zeros(len(SAMPLE_VALUES)), batch * floats([*manual.signs, 1, 1, 1, 1, 1, -1])
        offsets = floats([0.0] * (len(SAMPLE_VALUES) - 1) + [1.0])
        self.means: list[Call] = [
            partial(torch.sum, sample_values, 1, out=sums),
            partial(torch.addcdiv, offsets, sums, divisors, out=self.values[: len(SAMPLE_VALUES)]),
            partial(torch.dot, self.values[:2], full((2,), 0.5 if loss.averaged else 1.0), out=self.value["loss_d"]),
        ]
        self._columns = torch.tensor([VALUES.index(name) for name in COLUMNS], dtype=torch.int64)

    def write(self, row: Tensor) -> None:
        """Write the metrics into ``row``, float32 ``[len(COLUMNS)]``."""
        torch.index_select(self.values, 0, self._columns, out=row)
