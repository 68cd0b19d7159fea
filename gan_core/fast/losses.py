"""What ``fast`` does with D's logits: the gradient that goes back from them, and what an update measures."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gan_core.config import LossName
from gan_core.fast.passes import Call
from gan_core.metrics import COLUMNS

# What is kept of each sample, and what is known in the end: the means of these and three numbers more.
KEPT = ("loss_d_real", "loss_d_fake", "loss_g", "d_real", "fakes of D", "d_fake", "d_fake_after")
VALUES = (*KEPT, "loss_d", "grad_norm_d", "grad_norm_g")


class Head:
    """One loss, for batches of one size, as lists of operations on tensors that are made once.

    ``logits`` and ``gradient`` are ``[2 batch, 1]`` and D's update's, real samples first; ``logits_g`` and
    ``gradient_g`` are ``[batch, 1]`` and G's. Whoever fills logits executes ``discriminator`` or ``generator``, which
    fill the gradient. Measuring can wait, and takes fewer operations for both networks together: ``losses``;
    ``score_after``, of newer logits in ``logits_g``; and then ``means``, which fills ``values``.
    """

    discriminator: list[Call]
    generator: list[Call]
    losses: list[Call]
    score_after: list[Call]

    def __init__(self, batch: int, target_g: float, signs: tuple[float, float, float]) -> None:
        """``target_g`` is G's for its fakes; ``signs`` times the first three of ``KEPT`` are losses."""
        self.all_logits = torch.zeros(3 * batch, 1)
        self.logits, kept_logits_g = torch.split(self.all_logits, [2 * batch, batch])
        self.logits_g = torch.zeros(batch, 1)  # apart, because what products fill has to begin where a new tensor would
        self.keep_logits_g = partial(kept_logits_g.copy_, self.logits_g)
        self.gradient, self.gradient_g = torch.zeros(2 * batch, 1), torch.zeros(batch, 1)
        self.targets = torch.cat((torch.ones(batch, 1), torch.zeros(batch, 1), torch.full((batch, 1), target_g)))
        self.targets_d, self.targets_g = torch.split(self.targets, [2 * batch, batch])
        kept = torch.zeros(len(KEPT), batch)
        self.sample_losses, self.scores = kept[:3].view(-1, 1), kept[3:].view(-1, 1)
        self.values = torch.zeros(len(VALUES))
        self.value = dict(zip(VALUES, self.values.unbind(), strict=True))
        sums, divisors = torch.zeros(len(KEPT)), batch * torch.tensor([*signs, 1, 1, 1, 1])
        self.means: list[Call] = [
            partial(torch.sum, kept, 1, out=sums),
            partial(torch.div, sums, divisors, out=self.values[: len(KEPT)]),
            partial(torch.dot, self.values[:2], torch.full((2,), 0.5), out=self.value["loss_d"]),
        ]
        self._columns = torch.tensor([VALUES.index(name) for name in COLUMNS])

    def write(self, row: Tensor) -> None:
        """Put ``values`` into ``row``, float32 ``[len(COLUMNS)]``."""
        torch.index_select(self.values, 0, self._columns, out=row)


class CrossEntropy(Head):
    """Of logit x and target t, the loss is (1 - t) x - log σ(x), its gradient σ(x) - t, and the score σ(x)."""

    def __init__(self, batch: int, target_g: float = 1.0, sign_g: float = 1.0) -> None:
        """G minimises ``sign_g`` times the cross entropy of its fakes against ``target_g``."""
        super().__init__(batch, target_g, (-1, -1, -sign_g))  # kept is log σ(x) + (t - 1) x: one operation less
        scores_d, scores_g, scores_after = torch.split(self.scores, [2 * batch, batch, batch])
        # Real and fake apart, like the two losses of autograd: PyTorch computes the sigmoid of a tensor's last few
        # numbers by other instructions, whose last bit may differ.
        halves = zip(self.logits.chunk(2), scores_d.chunk(2), strict=True)
        self.discriminator = [
            *(partial(torch.sigmoid, logits, out=scores) for logits, scores in halves),
            partial(torch.sub, scores_d, self.targets_d, out=self.gradient),
            partial(self.gradient.div_, torch.tensor(2.0 * batch)),  # 2: loss_d is the mean of its parts
        ]
        self.generator = [
            partial(torch.sigmoid, self.logits_g, out=scores_g),
            partial(torch.sub, scores_g, self.targets_g, out=self.gradient_g),
            partial(self.gradient_g.div_, torch.tensor(sign_g * batch)),
            self.keep_logits_g,
        ]
        logarithms = torch.empty_like(self.all_logits)
        self.losses = [
            partial(logsigmoid, self.all_logits, out=logarithms),  # type: ignore[call-arg]
            partial(torch.addcmul, logarithms, self.targets - 1, self.all_logits, out=self.sample_losses),
        ]
        self.score_after = [partial(torch.sigmoid, self.logits_g, out=scores_after)]


class LeastSquares(Head):
    """Of logit x and target t, the loss is (x - t)², its gradient 2 (x - t), and the score x."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch, 1.0, (1, 1, 1))
        scores, scores_after = torch.split(self.scores, [3 * batch, batch])
        factor = torch.tensor(2 / batch)
        self.discriminator = [
            partial(torch.sub, self.logits, self.targets_d, out=self.gradient),
            partial(self.gradient.mul_, factor / 2),
        ]
        self.generator = [
            partial(torch.sub, self.logits_g, self.targets_g, out=self.gradient_g),
            partial(self.gradient_g.mul_, factor),
            self.keep_logits_g,
        ]
        self.losses = [
            partial(scores.copy_, self.all_logits),
            partial(torch.sub, self.all_logits, self.targets, out=self.sample_losses),
            partial(self.sample_losses.square_),
        ]
        self.score_after = [partial(scores_after.copy_, self.logits_g)]


HEADS: dict[LossName, Callable[[int], Head]] = {
    "bce": CrossEntropy,
    "bce_saturating": partial(CrossEntropy, target_g=0.0, sign_g=-1.0),
    "least_squares": LeastSquares,
}
