"""Image grids and their PNG files."""

import io

import numpy as np
from PIL import Image

from gan_core.images import image_grid, png


def test_a_grid_shows_each_image_in_its_place() -> None:
    pictures = np.stack([np.full((2, 3), value, np.float32) for value in (-1, 0, 1, 0.5, -0.5)])
    grid = image_grid(pictures, columns=2, gap=1)
    assert grid.shape == (3 * 2 + 2, 2 * 3 + 1)
    assert grid.dtype == np.uint8
    levels = [grid[row * 3 : row * 3 + 2, column * 4 : column * 4 + 3] for row in range(3) for column in range(2)]
    assert [set(level.flat) for level in levels] == [{0}, {128}, {255}, {191}, {64}, {0}]
    assert not grid[2].any()
    assert not grid[:, 3].any()


def test_a_grid_keeps_each_image_upright() -> None:
    picture = np.linspace(-1, 1, 6, dtype=np.float32).reshape(1, 2, 3)
    assert image_grid(picture, columns=1).tolist() == [[0, 51, 102], [153, 204, 255]]


def test_values_that_are_not_finite_or_out_of_range_are_drawn_without_a_warning() -> None:
    broken = np.array([[[np.nan, np.inf, -np.inf, 7, -7]]], np.float32)
    assert image_grid(broken, columns=1).tolist() == [[0, 255, 0, 255, 0]]


def test_png_is_the_grid_enlarged() -> None:
    grid = np.array([[0, 100], [200, 255]], np.uint8)
    for scale in (1, 3):
        read = np.asarray(Image.open(io.BytesIO(png(grid, scale))).convert("L"))
        np.testing.assert_array_equal(read, grid.repeat(scale, 0).repeat(scale, 1))


def test_png_of_noise_is_no_larger_than_the_noise_and_a_palette() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (178, 178), np.uint8)
    assert len(png(noise)) < noise.size + 1500
