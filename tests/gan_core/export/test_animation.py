"""An animation shows the fakes of each moment above its iteration."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.cli import main
from gan_core.export.animation import FORMATS, FRAME, LABEL_HEIGHT, Format, animation
from gan_core.images import samples_image
from gan_core.runs.moments import read_all

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
def test_frames_that_make_no_animation_are_refused(fakes: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"^(An animation needs frames of equally many|samples of shape \(6,\))"):
        animation(list(enumerate(fakes)), "gif")


# From the command line ---------------------------------------------------------------------------------------------


def test_a_trained_run_is_exported_as_moving_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    settings = ["--latent-dim", "4", "--generator-hidden", "16", "--discriminator-hidden", "16", "--device", "cpu"]
    assert main(["train", "--iterations", "120", "--out", str(out), *settings]) == 0
    kept = read_all(out)
    assert kept[0].iteration == 0
    assert len(kept) > 1
    assert main(["export", "--animation", str(out)]) == 0
    written = capsys.readouterr().out
    for format in FORMATS:
        assert f"Wrote {out / f'animation.{format}'}" in written
        with Image.open(out / f"animation.{format}") as picture:
            assert picture.n_frames == len(kept)  # type: ignore[attr-defined]
    assert main(["export", "--animation", str(out)]) == 2
    assert "already contains animation.gif and animation.webp: add --overwrite" in capsys.readouterr().err
    assert main(["export", "--animation", "--overwrite", str(out)]) == 0
    assert main(["train", "--iterations", "1", "--out", str(out), "--overwrite", *settings]) == 0
    assert [moment.iteration for moment in read_all(out)][:1] == [0]
    assert all(moment.iteration <= 1 for moment in read_all(out)), "those of the earlier run are gone"


def test_a_folder_without_moments_has_no_animation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--animation", str(tmp_path)]) == 2
    assert "has kept 0 moments: an animation needs two" in capsys.readouterr().err
