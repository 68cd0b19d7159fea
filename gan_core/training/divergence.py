"""Find divergence: the first metric or weight that is not finite."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.metrics import COLUMNS, OPTIONAL, TITLES
from gan_core.training.trainer import Trainer

Rows = NDArray[np.float32]


class Diverged(ValueError):
    """A metric or a weight became infinite or NaN; the message is fit for a page."""

    def __init__(self, what: str, value: float, iteration: int) -> None:
        super().__init__(
            f"{what} became {value} at iteration {iteration:,}: the training has diverged. Smaller learning rates "
            "or BatchNorm often prevent it."
        )


def healthy_rows(rows: Rows, first: int) -> tuple[Rows, Diverged | None]:
    """Return the metrics ``[n, len(COLUMNS)]`` before the first that is not finite; ``first``: iteration of row 0."""
    broken = ~np.isfinite(rows) & ~np.isin(COLUMNS, OPTIONAL)
    positions = np.argwhere(broken)
    if not len(positions):
        return rows, None
    index, column = positions[0].tolist()
    return rows[:index], Diverged(TITLES[COLUMNS[column]], float(rows[index, column]), first + index)


def broken_weights(trainer: Trainer) -> Diverged | None:
    """Return an error for the first weight or BatchNorm statistic that is not finite.

    An update can break weights after its metrics were computed.
    """
    for network in ("generator", "discriminator"):
        for name, values in getattr(trainer, network).state_dict().items():
            if not _all_finite(values):
                broken = values[~torch.isfinite(values)]
                return Diverged(f"{name} of the {network}", float(broken[0]), trainer.iteration)
    return None


def _all_finite(values: Tensor) -> bool:
    if values.device.type == "cpu":  # on a busy machine PyTorch's threads wait longer for each other than one takes
        return bool(np.isfinite(values.numpy()).all())
    return bool(torch.isfinite(values).all())
