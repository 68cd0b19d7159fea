"""Decimation keeps what a chart shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.decimate import extremes, thin


@given(st.integers(1, 10_000), st.integers(2, 500))
def test_thin_keeps_both_ends_and_the_limit(count: int, most: int) -> None:
    indices = thin(count, most)
    assert len(indices) == min(count, most)
    assert (indices[0], indices[-1]) == (0, count - 1)
    assert (np.diff(indices) > 0).all()


@given(st.integers(1, 5_000), st.integers(0, 2**31))
def test_extremes_keep_every_spike_and_the_limit(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=count).astype(np.float32)
    indices = extremes(values, 100)
    assert len(indices) <= 100 or count <= 100
    assert (np.diff(indices) > 0).all()
    assert values[indices].max() == values.max()
    assert values[indices].min() == values.min()
