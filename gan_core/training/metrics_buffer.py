"""A buffer of metrics on the device."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.metrics import COLUMNS, Metrics


class MetricsBuffer:
    """The last iterations' metrics as rows of one tensor on the device, read in blocks to avoid waiting."""

    def __init__(self, device: torch.device, capacity: int = 256) -> None:
        self.rows = torch.empty(capacity, len(COLUMNS), dtype=torch.float32, device=device)
        self._row = self.rows.unbind()
        self.filled = 0

    @property
    def room(self) -> int:
        """The number of free rows."""
        return self.rows.shape[0] - self.filled

    def append(self, metrics: Metrics) -> None:
        """Copy one iteration's metrics without waiting for the device; the buffer must have room."""
        self.record(lambda row: torch.stack(metrics, out=row))

    def record(self, write: Callable[[Tensor], object]) -> None:
        """Let ``write``, such as ``Trainer.step_into``, fill the next row; the buffer must have room."""
        write(self._row[self.filled])
        self.filled += 1

    def take(self) -> NDArray[np.float32]:
        """Return all rows since the last call, ``[n, len(COLUMNS)]``; this waits for the device."""
        taken: NDArray[np.float32] = self.rows[: self.filled].cpu().numpy().copy()
        self.filled = 0
        return taken
