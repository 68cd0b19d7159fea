"""Decimation keeps what a chart shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.decimate import extremes, smooth, thin


def test_smooth_is_the_mean_of_a_value_and_the_ones_before_it() -> None:
    values = np.array([1, 2, 3, 4, 10], np.float32)
    assert smooth(values, 3).tolist() == [1, 1.5, 2, 3, np.float32(17 / 3)]
    assert smooth(values, 1).tolist() == values.tolist()
    assert smooth(values[:0], 3).tolist() == []


def test_a_value_that_is_not_a_number_does_not_spoil_the_others() -> None:
    values = np.array([1, 2, np.nan, 4, np.nan, np.nan, 7], np.float32)
    assert smooth(values, 2).tolist()[:5] == [1, 1.5, 2, 4, 4]
    assert np.isnan(smooth(values, 2)[5])
    assert smooth(values, 2)[6] == 7


def test_smoothing_ignores_later_values() -> None:
    values = np.random.default_rng(0).normal(size=200).astype(np.float32)
    np.testing.assert_array_equal(smooth(values, 20)[:100], smooth(values[:100], 20))


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
