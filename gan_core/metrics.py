"""The names of an iteration's numbers. Free of PyTorch: the page reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Metrics(NamedTuple):
    """What one iteration measured: 0-d float32 tensors on the run's device, so that reading none costs nothing.

    Of several updates of a network in one iteration, the last one counts.
    """

    loss_d: Tensor  # the discriminator's loss, its penalty included
    loss_d_real: Tensor  # its part from real samples
    loss_d_fake: Tensor  # its part from fakes
    loss_g: Tensor
    d_real: Tensor  # mean D(x)
    d_fake: Tensor  # mean D(G(z)) on the noise of G's update, before its optimiser steps
    d_fake_after: Tensor  # the same noise, once the iteration's updates are done
    grad_norm_d: Tensor  # ‖∂loss_d/∂w‖₂ over all of D's parameters
    grad_norm_g: Tensor
    accuracy_real: Tensor  # share of D's real samples that it takes for real; NaN where the loss has no threshold
    accuracy_fake: Tensor  # share of its fakes that it takes for fake


COLUMNS: tuple[str, ...] = Metrics._fields
OPTIONAL = ("accuracy_real", "accuracy_fake")  # NaN under a loss that does not define them
TITLES: dict[str, str] = {  # as the charts call them
    "loss_d": "D loss",
    "loss_d_real": "D loss on real samples",
    "loss_d_fake": "D loss on fakes",
    "loss_g": "G loss",
    "d_real": "D(x)",
    "d_fake": "D(G(z))",
    "d_fake_after": "D(G(z)) after G's step",
    "grad_norm_d": "D's gradient norm",
    "grad_norm_g": "G's gradient norm",
    "accuracy_real": "D's accuracy on real samples",
    "accuracy_fake": "D's accuracy on fakes",
}
