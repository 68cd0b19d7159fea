"""The metrics of a long run as exact means in bounded memory."""

import numpy as np
import pytest

from gan_core.history import History, running_mean
from gan_core.metrics import COLUMNS

WIDTH = len(COLUMNS)


def rows(count: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("count", [0, 1, 4095, 4096, 4097, 5000, 8192, 8193, 100_000])
def test_every_row_is_the_mean_of_its_iterations(count: int) -> None:
    values, history = rows(count), History()
    for start in range(0, count, 250):
        history.extend(values[start : start + 250])
    trace = history.trace()
    assert history.iterations == count
    assert len(trace.iteration) == -(-count // trace.stride)
    direct = [values[at : at + trace.stride].astype(float).mean(axis=0) for at in range(0, count, trace.stride)]
    np.testing.assert_allclose(trace.values, np.reshape(direct, (-1, WIDTH)), rtol=0, atol=1e-6)
    ends = np.minimum(np.arange(1, len(direct) + 1) * trace.stride, count)
    np.testing.assert_array_equal(trace.iteration, ends)
    assert trace.values.dtype == np.float32
    assert trace.iteration.dtype == np.int64


def test_memory_and_trace_are_bounded() -> None:
    history, sizes = History(), {}
    memory = history.values.nbytes
    for count in (5_000, 20_000, 100_000):
        history.extend(rows(count - history.iterations))
        trace = history.trace()
        sizes[count] = trace.values.nbytes
        assert len(history.values) == 4096
        assert history.values.nbytes == memory
        assert 2048 <= len(trace.iteration) <= 4097  # at least half of the rows are used, whatever the length
        assert trace.iteration[-1] == count
    assert max(sizes.values()) <= 2 * min(sizes.values())


@pytest.mark.parametrize("sizes", [[1] * 37, [37], [5, 0, 32], [8, 8, 8, 13]])
def test_the_sizes_of_the_blocks_make_no_difference(sizes: list[int]) -> None:
    values, whole, pieces = rows(37), History(8), History(8)
    whole.extend(values)
    at = 0
    for size in sizes:
        pieces.extend(values[at : at + size])
        at += size
    np.testing.assert_array_equal(pieces.trace().values, whole.trace().values)
    np.testing.assert_array_equal(pieces.trace().iteration, whole.trace().iteration)
    assert whole.stride == 8


def test_a_trace_is_a_copy_and_taking_it_changes_nothing() -> None:
    history, other = History(8), History(8)
    values = rows(30)
    history.extend(values[:11])
    trace = history.trace()
    kept = trace.values.copy()
    history.extend(values[11:])
    other.extend(values)
    np.testing.assert_array_equal(trace.values, kept)
    np.testing.assert_array_equal(history.trace().values, other.trace().values)


def test_a_trace_returns_columns_by_name() -> None:
    history = History()
    history.extend(np.arange(WIDTH, dtype=np.float32)[None])
    assert [float(history.trace().column(name)[0]) for name in COLUMNS] == list(range(WIDTH))
    with pytest.raises(ValueError, match="not in tuple"):
        history.trace().column("nothing")


@pytest.mark.parametrize("capacity", [0, 1, 7, -2])
def test_a_capacity_that_cannot_be_halved_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match=f"capacity = {capacity} is not possible"):
        History(capacity)


def test_a_running_mean_is_the_mean_of_a_value_and_the_ones_before_it() -> None:
    values = np.array([1, 2, 3, 4, 10], np.float32)
    assert running_mean(values, 3).tolist() == [1, 1.5, 2, 3, np.float32(17 / 3)]
    assert running_mean(values, 1).tolist() == values.tolist()
    assert running_mean(values[:0], 3).tolist() == []


def test_a_value_that_is_not_a_number_does_not_spoil_the_others() -> None:
    values = np.array([1, 2, np.nan, 4, np.nan, np.nan, 7], np.float32)
    assert running_mean(values, 2).tolist()[:5] == [1, 1.5, 2, 4, 4]
    assert np.isnan(running_mean(values, 2)[5])
    assert running_mean(values, 2)[6] == 7


def test_a_running_mean_ignores_later_values() -> None:
    values = np.random.default_rng(0).normal(size=200).astype(np.float32)
    np.testing.assert_array_equal(running_mean(values, 20)[:100], running_mean(values[:100], 20))


@pytest.mark.parametrize(
    "steps", [(0, 0), (0, 5), (5, 0), (5, 7), (4096, 1), (4097, 1), (4097, 2), (4100, 5000), (9001, 3)]
)
def test_a_trace_is_completed_by_the_rows_that_an_earlier_one_lacked(steps: tuple[int, int]) -> None:
    history = History()
    history.extend(rows(steps[0]))
    known = history.trace()
    history.extend(rows(steps[1]))
    whole = history.trace()
    sent = whole.without(known)
    completed = sent.completed_by(known)
    np.testing.assert_array_equal(completed.iteration, whole.iteration)
    np.testing.assert_array_equal(completed.values, whole.values)
    assert completed.stride == whole.stride


def test_a_trace_repeats_no_finished_row() -> None:
    history = History()
    history.extend(rows(100))
    known = history.trace()
    history.extend(rows(7))
    assert history.trace().without(known).iteration.tolist() == list(range(101, 108))
