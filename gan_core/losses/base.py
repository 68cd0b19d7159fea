"""The base class of losses: functions, description for the page, and manual backward pass.

PyTorch is imported only to compute, so that the page can read the descriptions without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor, nn


class Balance(NamedTuple):
    """The metrics' levels when D cannot tell real from fake; None where there is no such level.

    ``label`` names the level of loss_d on a chart.
    """

    loss_d: float
    loss_g: float | None
    score: float | None
    label: str


@dataclass(frozen=True)
class LogitBuffers:
    """The manual engine's preallocated tensors for D's logits; real samples come before fakes.

    ``logits`` and ``gradient`` ``[2 batch, 1]`` belong to D's update, ``logits_g`` and ``gradient_g`` ``[batch, 1]`` to
    G's. ``all_logits`` ``[3 batch, 1]`` keeps both. ``targets`` ``[3 batch, 1]`` are ones, zeros and ``target_g`` of the
    loss. ``sample_losses`` ``[3 batch, 1]`` takes one value per sample, ``scores`` ``[4 batch, 1]`` takes D(x) of real
    samples, of D's fakes, of G's fakes, and of G's fakes after the step.
    """

    batch: int
    logits: Tensor
    logits_g: Tensor
    all_logits: Tensor
    gradient: Tensor
    gradient_g: Tensor
    targets: Tensor
    sample_losses: Tensor
    scores: Tensor


@dataclass(frozen=True)
class ManualBackward:
    """A loss's manual backward pass as lists of calls on ``LogitBuffers``.

    ``discriminator`` fills ``gradient``, ``generator`` fills ``gradient_g``: autograd's numbers, bit for bit.
    ``sample_losses`` fills the buffers of that name and D(x) where the first two have not; the mean of a sample loss
    times ``signs`` (of the real part, the fake part, G's) is the loss. ``score_after`` fills the last part of ``scores``
    from ``logits_g``.
    """

    discriminator: list[Callable[[], object]]
    generator: list[Callable[[], object]]
    sample_losses: list[Callable[[], object]]
    score_after: list[Callable[[], object]]
    signs: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Loss(ABC):
    """One pair of losses, for D and for G.

    ``is_probability``: D(x) is the sigmoid of a logit, else the logit itself. ``threshold``: the logit above which D
    takes a sample for real; None where the output has no such level. ``averaged``: loss_d is the mean of its two parts,
    else their sum. ``penalised``: ``penalty`` is added to loss_d. ``reading``: how to read the chart of losses, in one line.
    ``explanation_d`` and ``explanation_g``: what each network's loss rewards; ``explain_d`` adds the penalty. ``formula_*``
    are LaTeX, ``code_*`` lines of the lecture's loop; ``code_import`` is what those need, ``code_penalty`` the function
    that computes the penalty, with the random stream ``noise_penalty``.
    """

    title: ClassVar[str]
    balance: ClassVar[Balance]
    is_probability: ClassVar[bool] = False
    threshold: ClassVar[float | None] = None
    averaged: ClassVar[bool] = True
    penalised: ClassVar[bool] = False
    target_g: ClassVar[float] = 1.0
    reading: ClassVar[str]
    explanation_d: ClassVar[str]
    explanation_g: ClassVar[str]
    formula_real: ClassVar[str]
    formula_fake: ClassVar[str]
    formula_g: ClassVar[str]
    code_real: ClassVar[str]
    code_fake: ClassVar[str]
    code_g: ClassVar[str]
    code_import: ClassVar[str] = ""
    code_penalty: ClassVar[str] = ""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
        """Return the real and the fake part of loss_d, 0-d, of logits and targets ``[batch, 1]``."""

    @abstractmethod
    def generator(self, fake: Tensor, ones: Tensor, zeros: Tensor) -> Tensor:
        """Return loss_g, 0-d, of the fakes' logits and targets ``[batch, 1]``."""

    def combine(self, real_part: Tensor, fake_part: Tensor) -> Tensor:
        """Return loss_d without its penalty."""
        return (real_part + fake_part) / 2 if self.averaged else real_part + fake_part

    @abstractmethod
    def slope_g(self, score: float) -> float:
        """Return |∂loss_g/∂logit| of a fake that D scores ``score``: how strongly loss_g asks for a higher score."""

    def penalty(self, discriminator: nn.Module, real: Tensor, fake: Tensor, random: Generator) -> Tensor:
        """Return the penalty on D, 0-d, of samples ``[batch, features]``; TypeError unless the loss is ``penalised``."""
        raise TypeError(f"{self.title} has no penalty.")

    def score(self, logits: Tensor) -> Tensor:
        """Return D(x) of logits: a probability, or the logit itself."""
        return logits.sigmoid() if self.is_probability else logits

    def accuracy(self, logits: Tensor, real: bool) -> Tensor:
        """Return the share of samples, 0-d, on the right side of ``threshold``; NaN if there is none."""
        if self.threshold is None:
            return logits.new_full((), float("nan"))
        above = (logits > self.threshold).to(logits.dtype).mean()
        return above if real else 1 - above

    def manual(self, buffers: LogitBuffers) -> ManualBackward | None:
        """Return the manual backward pass from loss to logits; None if only autograd computes this loss."""
        return None

    def explain_d(self, penalty_weight: float) -> str:
        """Return what D's loss rewards, with this weight of the penalty where the loss has one."""
        if not self.penalised:
            return self.explanation_d
        if penalty_weight == 0:
            return f"{self.explanation_d} The penalty's weight is 0 in this run, so it adds nothing."
        return f"{self.explanation_d} The penalty grows as the length of D's gradient departs from 1."

    def code_total(self, penalty_weight: float | str) -> str:
        """Return the line of the lecture's loop that combines the two parts of loss_d; a weight may be a variable's name."""
        weight = penalty_weight if isinstance(penalty_weight, str) else f"{penalty_weight:g}"
        total = "(real_loss + fake_loss) / 2" if self.averaged else "real_loss + fake_loss"
        return f"d_loss = {total}" + (f" + {weight} * penalty(real, fake)" if self.penalised else "")
