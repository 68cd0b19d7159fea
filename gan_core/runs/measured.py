"""A run's metrics on their way from the device into its history."""

import time

import torch

from gan_core.history import History
from gan_core.metrics import COLUMNS
from gan_core.training.divergence import healthy_rows
from gan_core.training.metrics_buffer import MetricsBuffer

CHECK_EVERY = 0.05  # seconds between two checks for divergence, where reading the metrics is cheap


class Measured:
    """``buffer``: the metrics not read yet; ``history``: all others; ``last``: those of the last iteration that was read."""

    def __init__(self, device: torch.device) -> None:
        self.buffer = MetricsBuffer(device)
        self.history = History()
        self.last: dict[str, float] = {}
        self._cheap = device.type == "cpu"
        self._checked_at = time.perf_counter()

    @property
    def check_due(self) -> bool:
        """Whether to ``check`` now: reading waits for a GPU; on the CPU it is cheap, and divergence is found within a slice."""
        return not self.buffer.room or (self._cheap and time.perf_counter() - self._checked_at >= CHECK_EVERY)

    def check(self) -> None:
        """Read the buffer into the history; raise Diverged at the first metric that is not finite."""
        rows, diverged = healthy_rows(self.buffer.take(), self.history.iterations + 1)
        self.history.extend(rows)
        if len(rows):
            self.last = dict(zip(COLUMNS, rows[-1].tolist(), strict=True))
        self._checked_at = time.perf_counter()
        if diverged:
            raise diverged
