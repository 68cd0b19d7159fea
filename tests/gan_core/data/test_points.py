"""2-D datasets: each has the shape that its name describes."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gan_core import GANConfig, Trainer
from gan_core.data import DATASETS, OWN, RECOMMENDED_SETTINGS, load_dataset, with_recommended_settings
from gan_core.data.dataset import Modes
from gan_core.data.drawing import EXTENT, SIDE, STARTER, pack, unpack
from gan_core.data.errors import DataError
from tests.gan_core.support import DEVICES

POINTS_2D = [name for name, source in DATASETS.items() if source.kind == "points" and name not in OWN]


def points(name: str, **changes: Any) -> np.ndarray:
    return load_dataset(with_recommended_settings(GANConfig(), name).replace(**changes)).samples.double().numpy()


def shares(which: np.ndarray) -> np.ndarray:
    """Return the share of each number that occurs."""
    return np.unique(which, return_counts=True)[1] / len(which)


# All of them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POINTS_2D)
def test_a_2d_dataset_is_the_same_for_every_seed_and_keeps_off_the_border(name: str) -> None:
    first, second = (load_dataset(with_recommended_settings(GANConfig(seed=seed), name)) for seed in (0, 7))
    assert torch.equal(first.samples, second.samples)
    assert first.samples.dtype == torch.float32
    assert first.samples.shape == (10_000, 2)
    assert first.shape == (2,)
    assert first.samples.abs().max() <= 0.95
    assert len(first.samples.unique(dim=0)) > 9_990  # hardly any point occurs twice
    assert (first.modes is not None) == (name in ("two_gaussians", "eight_gaussians", "grid_25", "disjoint"))


def test_no_two_2d_datasets_are_equal() -> None:
    assert len({points(name)[:50].tobytes() for name in POINTS_2D}) == len(POINTS_2D)


def test_loading_does_not_use_the_global_random_state() -> None:
    before = torch.get_rng_state()
    points("spiral")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", POINTS_2D)
def test_every_2d_dataset_trains_with_the_recommended_settings(name: str, device: str) -> None:
    trainer = Trainer(with_recommended_settings(GANConfig(device=device), name))
    for _ in range(5):
        assert all(value.isfinite() for value in trainer.step())


# Gaussians ---------------------------------------------------------------------------------------------------

CENTRES = {
    "eight_gaussians": [(0.75 * math.cos(k * math.pi / 4), 0.75 * math.sin(k * math.pi / 4)) for k in range(8)],
    "grid_25": [(0.4 * x, 0.4 * y) for x in range(-2, 3) for y in range(-2, 3)],
    "two_gaussians": [(-0.4, -0.4), (0.4, 0.4)],
}


def modes_of(name: str) -> Modes:
    modes = load_dataset(GANConfig(dataset=name)).modes
    assert modes is not None
    return modes


@pytest.mark.parametrize("name", [*CENTRES, "disjoint"])
def test_gaussians_have_the_stated_modes_and_deviation(name: str) -> None:
    modes = modes_of(name)
    centres = modes.centres.double().numpy()
    if name in CENTRES:
        expected = np.array(CENTRES[name])
        assert centres.shape == expected.shape
        assert np.linalg.norm(expected[:, None] - centres, axis=2).min(axis=1).max() < 1e-6
    found = points(name)
    offsets = found[:, None] - centres
    nearest = np.linalg.norm(offsets, axis=2).argmin(axis=1)
    np.testing.assert_allclose(shares(nearest), 1 / len(centres), atol=0.001)
    offset = offsets[np.arange(len(found)), nearest]
    np.testing.assert_allclose(offset.std(axis=0), modes.deviation, rtol=0.03)
    within = np.linalg.norm(offset, axis=1) <= 3 * modes.deviation
    assert within.mean() == pytest.approx(1 - math.exp(-4.5), abs=0.004)  # of a 2-D normal distribution


def test_modes_are_more_than_six_deviations_apart() -> None:
    """Otherwise a sample could be counted for two modes."""
    for name in (*CENTRES, "disjoint"):
        modes = modes_of(name)
        apart = torch.cdist(modes.centres, modes.centres).fill_diagonal_(9).min()
        assert apart > 6 * modes.deviation


# Shapes ------------------------------------------------------------------------------------------------------


def test_a_line_is_straight_from_end_to_end() -> None:
    x, y = points("line").T
    assert (y - 0.6 * x).std() == pytest.approx(0.02 * math.hypot(1, 0.6), rel=0.05)
    assert np.histogram(x, 8, (-0.8, 0.8))[0].min() > 1_100


def test_a_ring_is_round_and_closed() -> None:
    x, y = points("ring").T
    radius = np.hypot(x, y)
    assert radius.mean() == pytest.approx(0.7, abs=0.002)
    assert radius.std() == pytest.approx(0.02, rel=0.05)
    assert np.histogram(np.arctan2(y, x), 12, (-math.pi, math.pi))[0].min() > 700


def from_arc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance to the upper half of the unit circle."""
    to_ends = np.minimum(np.hypot(x - 1, y), np.hypot(x + 1, y))
    return np.where(y >= 0, abs(np.hypot(x, y) - 1), to_ends)


def test_two_moons_are_interleaving_half_circles() -> None:
    x, y = points("two_moons").T / 0.55 + np.array([[0.5], [0.25]])  # as scikit-learn's make_moons
    upper, lower = from_arc(x, y), from_arc(1 - x, 0.5 - y)
    assert np.minimum(upper, lower).max() < 5 * 0.02 / 0.55
    assert (upper < lower).mean() == pytest.approx(0.5, abs=0.005)


def test_a_swiss_roll_turns_once_and_a_half() -> None:
    x, y = points("swiss_roll").T * (4.5 * math.pi / 0.85)
    turned = np.hypot(x, y)  # the radius is the angle, blurred by 0.26
    assert turned.min() == pytest.approx(1.5 * math.pi, abs=1)
    assert turned.max() == pytest.approx(4.5 * math.pi, abs=1)
    miss = (np.arctan2(y, x) - turned + math.pi) % (2 * math.pi) - math.pi
    assert abs(miss).max() < 5 * 0.26


def test_a_spiral_has_two_arms_evenly_filled() -> None:
    x, y = points("spiral").T / 0.85
    out = np.hypot(x, y)
    turned = np.arctan2(y, x) - 2 * math.pi * out  # 0 on one arm, π on the other, blurred by 0.11
    far = out > 0.3  # the arms meet in the middle
    assert abs(np.sin(turned[far])).max() < math.sin(5 * 0.11)
    assert (np.cos(turned[far]) > 0).mean() == pytest.approx(0.5, abs=0.01)
    inner, outer = ((out > low) & (out < high) for low, high in ((0.3, 0.6), (0.6, 0.9)))
    assert outer.sum() / inner.sum() == pytest.approx((0.81 - 0.36) / (0.36 - 0.09), rel=0.1)


def test_a_checkerboard_fills_only_its_dark_squares() -> None:
    column, row = np.floor((points("checkerboard").T + 0.9) / 0.45).astype(int)
    assert (column.min(), column.max(), row.min(), row.max()) == (0, 3, 0, 3)
    assert not ((column + row) % 2).any()
    np.testing.assert_allclose(shares(4 * row + column), 1 / 8, atol=0.015)


# Drawings ----------------------------------------------------------------------------------------------------


def cells_of(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row, counted from the top, and the column of the cell that contains each point."""
    place = (found / EXTENT + 1) * SIDE / 2
    return SIDE - 1 - np.floor(place[:, 1]).astype(int), np.floor(place[:, 0]).astype(int)


def test_points_fill_the_painted_cells_of_the_starter() -> None:
    row, column = cells_of(points("drawn"))
    assert unpack(STARTER)[row, column].all()
    assert len(set(zip(row, column, strict=True))) == unpack(STARTER).sum()


@given(arrays(bool, (SIDE, SIDE), elements=st.sampled_from([True, False]), fill=st.just(False)).filter(np.any))
def test_all_points_of_a_drawing_lie_in_painted_cells(cells: np.ndarray) -> None:
    row, column = cells_of(points("drawn", drawing=pack(cells)))
    assert (
        cells[row.clip(0, SIDE - 1), column.clip(0, SIDE - 1)].mean() > 0.999
    )  # points at an edge may be rounded across it


def test_the_first_row_is_at_the_top_and_a_cell_is_filled_evenly() -> None:
    cells = np.zeros((SIDE, SIDE), bool)
    cells[0, 0] = True
    x, y = points("drawn", drawing=pack(cells)).T
    side = 2 * EXTENT / SIDE
    for values, low in ((x, -EXTENT), (y, EXTENT - side)):
        assert values.min() >= low - 1e-6
        assert values.max() <= low + side + 1e-6
        assert np.histogram(values, 4, (low, low + side))[0].min() > 2_300
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.05


@pytest.mark.parametrize("text", ["", pack(np.zeros((SIDE, SIDE), bool))])
def test_an_empty_drawing_is_refused(text: str) -> None:
    with pytest.raises(
        DataError, match=rf"^Drawing = '{text[:56]}.* is not possible; it should have at least one painted"
    ):
        load_dataset(GANConfig(dataset="drawn", drawing=text))


def test_a_text_that_is_not_a_drawing_is_refused() -> None:
    with pytest.raises(DataError, match=r"^Drawing = 'abc' is not possible; it should be 171 characters of .*\.$"):
        load_dataset(GANConfig(dataset="drawn", drawing="abc"))


# Recommended settings ----------------------------------------------------------------------------------------


def test_the_recommended_settings_of_pictures_are_the_lectures() -> None:
    assert RECOMMENDED_SETTINGS["pictures"].keys() == RECOMMENDED_SETTINGS["points"].keys()
    assert GANConfig(**RECOMMENDED_SETTINGS["pictures"]) == GANConfig()


def test_changing_from_pictures_to_points_applies_the_recommended_settings() -> None:
    chosen = with_recommended_settings(GANConfig(seed=3, loss="least_squares", classes=(1,)), "ring")
    assert chosen == GANConfig(seed=3, loss="least_squares", dataset="ring", **RECOMMENDED_SETTINGS["points"])
    mine = chosen.replace(batch_size=31)
    assert with_recommended_settings(mine, "spiral") == mine.replace(dataset="spiral")
    assert with_recommended_settings(mine, "digits") == GANConfig(seed=3, loss="least_squares")


def test_changing_between_picture_datasets_clears_only_the_classes() -> None:
    mine = GANConfig(dataset="mnist", classes=(3, 8), batch_size=31)
    assert with_recommended_settings(mine, "digits") == GANConfig(batch_size=31)


def test_choosing_drawn_starts_with_the_starter_and_keeps_an_existing_drawing() -> None:
    started = with_recommended_settings(GANConfig(), "drawn")
    assert started.drawing == STARTER
    cells = ~unpack(STARTER)
    mine = started.replace(drawing=pack(cells))
    assert with_recommended_settings(with_recommended_settings(mine, "ring"), "drawn") == mine
    assert with_recommended_settings(GANConfig(), "ring").drawing == ""


def test_an_unknown_dataset_can_be_left_but_not_chosen() -> None:
    with pytest.raises(DataError, match="Dataset = 'rings' is not possible"):
        with_recommended_settings(GANConfig(), "rings")
    assert with_recommended_settings(GANConfig(dataset="of another version"), "ring") == with_recommended_settings(
        GANConfig(), "ring"
    )
