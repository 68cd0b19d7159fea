"""Metrics on their way from the device to the history."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.metrics import COLUMNS, Metrics


class MetricsBuffer:
    """The last iterations' metrics as rows of one tensor on the device: read in blocks, not one by one."""

    def __init__(self, device: torch.device, capacity: int = 256) -> None:
        self.rows = torch.empty(capacity, len(COLUMNS), device=device)
        self._row = self.rows.unbind()
        self.filled = 0

    @property
    def room(self) -> int:
        """How many rows are left."""
        return self.rows.shape[0] - self.filled

    def append(self, metrics: Metrics) -> None:
        """Copy one iteration's metrics, without waiting for the device; not to be called when full."""
        self.record(lambda row: torch.stack(metrics, out=row))

    def record(self, write: Callable[[Tensor], object]) -> None:
        """Let ``write``, such as ``Trainer.step_into``, fill the next row; not to be called when full."""
        write(self._row[self.filled])
        self.filled += 1

    def take(self) -> NDArray[np.float32]:
        """All rows since the last call, ``[n, len(COLUMNS)]``; the one place that waits for the device."""
        taken: NDArray[np.float32] = self.rows[: self.filled].cpu().numpy().copy()
        self.filled = 0
        return taken
