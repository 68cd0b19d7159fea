"""Image files of samples."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from dashboard.charts.images import noise_png, sample_gradient_pngs
from gan_core.images import samples_png
from gan_core.snapshot import Snapshot

Make = Callable[..., Snapshot]


def test_the_png_holds_the_samples_in_a_grid(snapshot: Make) -> None:
    shown = snapshot()
    grid = np.asarray(Image.open(io.BytesIO(samples_png(shown.real))))
    assert grid.shape == (6 * 30 - 2, 6 * 30 - 2)
    np.testing.assert_allclose(grid[30:58, 30:58], (shown.real[7] + 1) * 127.5, atol=1)


def test_the_sample_gradient_tints_pixels_by_its_sign() -> None:
    fakes, push = np.zeros((1, 4, 4), np.float32), np.zeros((1, 4, 4), np.float32)
    push[0, 0, 0], push[0, 3, 3] = 2.0, -2.0
    (file,) = sample_gradient_pngs(fakes, push)
    shown = np.asarray(Image.open(io.BytesIO(file)))
    assert shown[0, 0].tolist() == [255, 140, 40]
    assert shown[3, 3].tolist() == [60, 130, 255]
    assert shown[1, 1].tolist() == [127, 127, 127]


def test_the_noise_image_has_one_row_a_sample() -> None:
    strip = np.asarray(Image.open(io.BytesIO(noise_png(np.array([[-3, 0, 3], [9, 0, 0]], np.float32)))))
    assert strip.tolist() == [[0, 127, 255], [255, 127, 127]]
