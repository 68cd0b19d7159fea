"""Fewer points for a chart that looks the same. Smooth first and decimate after, never the reverse."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


def thin(count: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` evenly spread indices of ``count``, the first and the last included."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)


def extremes(values: Values, most: int) -> NDArray[np.int64]:
    """Return the sorted indices of the lowest and the highest value of each of ``most / 2`` stretches: spikes stay."""
    if len(values) <= most:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), most // 2 + 1).astype(np.int64)
    begins, ends = edges[:-1, None], edges[1:, None]
    # One row for each stretch; lengths differ by one, so a shorter row repeats its last value.
    rows = np.minimum(begins + np.arange((ends - begins).max()), ends - 1)
    stretches = values[rows]
    picked: NDArray[np.int64] = (
        begins + np.sort(np.stack([stretches.argmin(axis=1), stretches.argmax(axis=1)], axis=1))
    ).ravel()
    once: NDArray[np.int64] = picked[np.diff(picked, prepend=-1) > 0]
    return once
