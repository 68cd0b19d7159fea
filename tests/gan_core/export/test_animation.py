"""An animation shows the fakes of each moment above its iteration."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.export.animation import FRAME, LABEL_HEIGHT, Format, animation
from gan_core.images import samples_image

FORMATS: tuple[Format, ...] = ("gif", "webp")
ITERATIONS = (0, 10, 100, 12_345)
RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.uniform(-1, 1, (36, 28, 28)).astype(np.float32) for _ in ITERATIONS]
POINTS = [RANDOM.uniform(-1, 1, (400, 2)).astype(np.float32) for _ in ITERATIONS]


def frames(data: bytes) -> tuple[list[np.ndarray], list[int], Any]:
    """Return the grey frames of an animation as Pillow reads them, their durations, and the file."""
    file = Image.open(io.BytesIO(data))
    found, durations = [], []
    for number in range(file.n_frames):
        file.seek(number)
        found.append(np.asarray(file.convert("L")))
        durations.append(file.info["duration"])
    return found, durations, file


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("fakes", [IMAGES, POINTS], ids=["images", "points"])
def test_an_animation_shows_the_fakes_of_each_moment_equally_long(fakes: list[np.ndarray], format: Format) -> None:
    found, durations, file = frames(animation(list(zip(ITERATIONS, fakes, strict=True)), format))
    assert (file.format, file.info["loop"]) == (format.upper(), 0)
    assert durations == [FRAME] * len(ITERATIONS)
    for frame, samples in zip(found, fakes, strict=True):
        picture = samples_image(samples)
        scale = frame.shape[1] // picture.shape[1]
        assert frame.shape == (scale * picture.shape[0] + LABEL_HEIGHT, scale * picture.shape[1])
        np.testing.assert_array_equal(frame[:-LABEL_HEIGHT][::scale, ::scale], picture)


@pytest.mark.parametrize("format", FORMATS)
def test_the_iteration_is_written_into_each_frame(format: Format) -> None:
    found, _, _ = frames(animation([(iteration, IMAGES[0]) for iteration in ITERATIONS], format))
    labels = [frame[-LABEL_HEIGHT:] for frame in found]
    assert all(label.max() > 200 for label in labels)
    assert len({label.tobytes() for label in labels}) == len(ITERATIONS)
    ends = [np.flatnonzero((label > 100).any(axis=0)).max() for label in labels]
    assert ends == sorted(ends)  # a longer number takes more room


def test_numbers_that_are_not_finite_are_drawn() -> None:
    broken = np.full_like(IMAGES[0], np.nan)
    found, _, _ = frames(animation([(1, IMAGES[0]), (2, broken)], "gif"))
    assert len(found) == 2


@pytest.mark.parametrize(
    "fakes", [[], [IMAGES[0], IMAGES[1][:30]], [np.zeros((4, 6), np.float32)]], ids=["none", "fewer", "six numbers"]
)
def test_what_is_no_animation_is_refused(fakes: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"^(An animation needs frames of equally many|samples of shape \(6,\))"):
        animation(list(enumerate(fakes)), "gif")
