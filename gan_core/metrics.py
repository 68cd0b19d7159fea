"""The numbers of an iteration: their names, and where they stand at balance. Free of PyTorch: the page reads it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from gan_core.config import LossName


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


COLUMNS: tuple[str, ...] = Metrics._fields


class Balance(NamedTuple):
    """Where the metrics stand if D cannot tell real from fake; None where there is no such level."""

    loss_d: float
    loss_g: float | None
    score: float | None


BALANCE: dict[LossName, Balance] = {
    "bce": Balance(math.log(2), math.log(2), 0.5),
    "bce_saturating": Balance(math.log(2), -math.log(2), 0.5),
    "least_squares": Balance(0.25, 0.25, 0.5),
    "wasserstein_gp": Balance(0.0, None, None),
}
