"""The metrics of all iterations of a run, in bounded memory."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gan_core.metrics import COLUMNS

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Trace:
    """A copy of a history: row ``i`` is the mean of ``stride`` iterations, of which ``iteration[i]`` is the last.

    ``values``: float32 ``[rows, len(COLUMNS)]``. The last row may cover fewer iterations.
    """

    iteration: NDArray[np.int64]
    values: Rows
    stride: int

    def column(self, name: str) -> Rows:
        """Return one metric, ``[rows]``; ValueError if the name is not in ``COLUMNS``."""
        return self.values[:, COLUMNS.index(name)]

    def without(self, known: "Trace") -> "Trace":
        """Return the rows that ``known``, an earlier trace of the same history, does not have or has unfinished."""
        if known.stride != self.stride:
            return self
        whole = int(known.iteration[-1]) // known.stride if len(known.iteration) else 0
        return Trace(self.iteration[whole:], self.values[whole:], self.stride)

    def completed_by(self, known: "Trace") -> "Trace":
        """Return the whole trace of which ``known.stride`` and ``without(known)`` have left these rows."""
        whole = (int(self.iteration[0]) - 1) // self.stride if len(self.iteration) else len(known.iteration)
        if whole == 0:
            return self
        iteration = np.concatenate([known.iteration[:whole], self.iteration])
        return Trace(iteration, np.concatenate([known.values[:whole], self.values]), self.stride)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many iterations each row covers."""
        return np.diff(self.iteration, prepend=0)

    @property
    def window(self) -> int:
        """How many rows a running mean takes: more as the run grows, up to 60."""
        return max(1, min(len(self.values) // 12, 60))

    def running_mean(self, name: str) -> Rows:
        """Return one metric's mean over ``window`` rows, ``[rows]``."""
        return running_mean(self.column(name), self.window)


def running_mean(values: Rows, window: int) -> Rows:
    """Return the mean of each value and the ``window - 1`` before it (fewer at the start), ``[n]``; NaN counts for nothing.

    No later value counts: with the same window, a mean does not change when new values arrive.
    """
    if window <= 1 or len(values) == 0:
        return values
    known = np.isfinite(values)
    total = np.cumsum(np.insert(np.where(known, values, 0).astype(np.float64), 0, 0))
    count = np.cumsum(np.insert(known, 0, False))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    counted = count[ends] - count[starts]
    means = (total[ends] - total[starts]) / np.maximum(counted, 1)
    return np.where(counted, means, np.nan).astype(np.float32)


def metrics_csv(trace: Trace) -> bytes:
    """Return the trace as CSV; ``iterations`` is how many iterations a row is the mean of."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("iteration", "iterations", *COLUMNS))
    iteration, counts = trace.iteration.tolist(), trace.counts.tolist()
    for at, count, values in zip(iteration, counts, trace.values.tolist(), strict=True):
        writer.writerow((at, count, *(f"{value:.7g}" for value in values)))
    return text.getvalue().encode()


class History:
    """Means over equal numbers of iterations, in at most ``capacity`` rows.

    When all rows are in use, neighbours are averaged pairwise, and each row covers twice as many iterations. All rows
    always have the same weight, so a mean of rows is the mean of their iterations.
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
            used = block[: (len(self.values) - self.rows) * self.stride - self._summed]
            block = block[len(used) :]
            starts = [0, *range(self.stride - self._summed, len(used), self.stride)]
            sums = np.add.reduceat(used, starts, axis=0, dtype=np.float64)
            sums[0] += self._sum
            whole, self._summed = divmod(self._summed + len(used), self.stride)
            self.values[self.rows : self.rows + whole] = sums[:whole] / self.stride
            self.rows += whole
            self._sum = sums[-1] if self._summed else np.zeros(len(COLUMNS))

    def state(self) -> dict[str, Any]:
        """Return copies of all that it holds, for ``restored``: "values" and "sum" are arrays, the rest whole numbers."""
        return {
            "values": self.values[: self.rows].copy(),
            "sum": self._sum.copy(),
            "stride": self.stride,
            "iterations": self.iterations,
            "summed": self._summed,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Return the history that had this ``state``. ValueError if no history has it."""
        history = cls()
        values, total = np.asarray(state["values"]), np.asarray(state["sum"])
        stride, iterations, summed = (int(state[name]) for name in ("stride", "iterations", "summed"))
        width = len(COLUMNS)
        fits = values.shape[1:] == (width,) and total.shape == (width,) and len(values) <= len(history.values)
        if not fits or not 0 <= summed < stride or len(values) * stride + summed != iterations:
            raise ValueError("The history of its metrics does not fit together.")
        history.rows, history.stride, history.iterations = len(values), stride, iterations
        history.values[: len(values)] = values
        history._sum, history._summed = total.astype(np.float64), summed
        return history

    def _halve(self) -> None:
        half = self.rows // 2
        self.values[:half] = self.values.reshape(half, 2, -1).mean(axis=1)
        self.rows = half
        self.stride *= 2

    def trace(self) -> Trace:
        """Return a copy of all rows, including the unfinished last one."""
        values, iteration = self.values[: self.rows], np.arange(1, self.rows + 1, dtype=np.int64) * self.stride
        if self._summed:
            values = np.vstack([values, (self._sum / self._summed).astype(np.float32)])
            iteration = np.append(iteration, self.iterations)
        return Trace(iteration, values.copy(), self.stride)
