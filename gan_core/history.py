"""A run's metrics from its first iteration to its last, in bounded memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.metrics import COLUMNS

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Trace:
    """A history to look at: row ``i`` is the mean of ``stride`` iterations, the last of them ``iteration[i]``.

    ``values``: float32 ``[rows, len(COLUMNS)]``. The last row may cover fewer iterations.
    """

    iteration: NDArray[np.int64]
    values: Rows
    stride: int

    def column(self, name: str) -> Rows:
        """One metric, ``[rows]``; ValueError if there is none of this name."""
        return self.values[:, COLUMNS.index(name)]


class History:
    """Every iteration counts, none is dropped, and memory stays at ``capacity`` rows.

    When the rows are full, neighbours are averaged pairwise and a row stands for twice as many iterations. So
    the whole run is always there, at a resolution no screen exceeds, and a mean of means stays a true mean.
    """

    def __init__(self, capacity: int = 4096) -> None:
        if capacity < 2 or capacity % 2:
            raise ValueError(f"capacity = {capacity} is not possible; it should be an even number from 2.")
        self.values = np.empty((capacity, len(COLUMNS)), np.float32)
        self.rows = 0
        self.stride = 1
        self.iterations = 0
        self._sum = np.zeros(len(COLUMNS))
        self._summed = 0

    def extend(self, block: Rows) -> None:
        """Add one row per iteration, ``[n, len(COLUMNS)]``, in order."""
        self.iterations += len(block)
        while len(block):
            if self.rows == len(self.values):
                self._halve()
            block = block[self._add_whole(block) or self._add_part(block) :]

    def _add_whole(self, block: Rows) -> int:
        """Rows that are whole in ``block``, unless one is begun already; how many iterations they took."""
        count = 0 if self._summed else min(len(block) // self.stride, len(self.values) - self.rows)
        used = count * self.stride
        means = block[:used].reshape(count, self.stride, len(COLUMNS)).mean(axis=1, dtype=np.float64)
        self.values[self.rows : self.rows + count] = means
        self.rows += count
        return used

    def _add_part(self, block: Rows) -> int:
        """A row's beginning, or what is missing of it; how many iterations that took."""
        part = block[: self.stride - self._summed]
        self._sum += part.sum(axis=0, dtype=np.float64)
        self._summed += len(part)
        if self._summed == self.stride:
            self.values[self.rows] = self._sum / self.stride
            self.rows += 1
            self._sum[:] = 0
            self._summed = 0
        return len(part)

    def _halve(self) -> None:
        half = self.rows // 2
        self.values[:half] = self.values.reshape(half, 2, -1).mean(axis=1)
        self.rows = half
        self.stride *= 2

    def trace(self) -> Trace:
        """A copy of what there is, the unfinished last row included."""
        values, iteration = self.values[: self.rows], np.arange(1, self.rows + 1, dtype=np.int64) * self.stride
        if self._summed:
            values = np.vstack([values, (self._sum / self._summed).astype(np.float32)])
            iteration = np.append(iteration, self.iterations)
        return Trace(iteration, values.copy(), self.stride)
