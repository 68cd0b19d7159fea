"""Metrics on their way from the device to the history."""

import numpy as np
import torch
from numpy.typing import NDArray

from gan_core.metrics import COLUMNS, Metrics


class MetricsBuffer:
    """The last iterations' metrics as rows of one tensor on the device: read in blocks, not one by one."""

    def __init__(self, device: torch.device, capacity: int = 256) -> None:
        self.rows = torch.empty(capacity, len(COLUMNS), device=device)
        self.filled = 0

    @property
    def full(self) -> bool:
        return self.filled == self.rows.shape[0]

    def append(self, metrics: Metrics) -> None:
        """Copy one iteration's metrics, without waiting for the device; not to be called when full."""
        torch.stack(metrics, out=self.rows[self.filled])
        self.filled += 1

    def take(self) -> NDArray[np.float32]:
        """All rows since the last call, ``[n, len(COLUMNS)]``; the one place that waits for the device."""
        taken: NDArray[np.float32] = self.rows[: self.filled].cpu().numpy().copy()
        self.filled = 0
        return taken
