"""Datasets by name, and the batches sampled from them."""

import os
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits as bundled
from torch.nn.functional import interpolate

from gan_core.cli import main
from gan_core.config import GANConfig
from gan_core.data import DATASETS, RECOMMENDED_SETTINGS, Source, load_dataset, with_recommended_settings
from gan_core.data.drawing import STARTER
from gan_core.data.errors import DataError
from gan_core.data.own.samples import keep
from gan_core.data.prepared import is_prepared
from gan_core.data.sampler import BatchSampler
from tests.gan_core.support import own_file, points


def _no_network(*_: object, **__: object) -> None:
    raise OSError("the tests have no network")


def _own(name: str, folder: Path) -> tuple[GANConfig, Path | None]:
    """Return settings for this dataset and, for the learner's own, a file of such data."""
    if name == "own_pictures":
        path, settings = own_file(folder)
        return GANConfig(**settings), path
    if name == "own_points":
        path = folder / "points.npy"
        return GANConfig(dataset=name, own_data=keep(points(20, 2).samples.numpy(), path)), path
    return GANConfig(dataset=name, drawing=STARTER if name == "drawn" else ""), None


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_has_valid_samples_shape_and_labels(
    name: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "GAN_DATA_DIR" not in os.environ:
        monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        monkeypatch.setattr("urllib.request.urlopen", _no_network)
    try:
        dataset = load_dataset(*_own(name, tmp_path))
    except DataError:
        if not DATASETS[name].download:
            raise
        pytest.skip("This machine neither has the dataset nor can download it.")
    assert (dataset.name, dataset.title) == (name, DATASETS[name].title)
    assert dataset.samples.dtype in (torch.float32, torch.uint8)
    assert dataset.samples.is_contiguous()
    assert dataset.samples.shape == (dataset.count, dataset.features)
    assert dataset.features == torch.Size(dataset.shape).numel()
    batch = dataset.batch(torch.arange(dataset.count))
    assert batch.dtype == torch.float32
    assert batch.min() >= -1
    assert batch.max() <= 1
    if dataset.labels is not None:
        assert dataset.labels.shape == (dataset.count,)
        assert dataset.labels.dtype == torch.int64


def test_digits_are_the_bundled_scans_enlarged() -> None:
    digits, scans = load_dataset(GANConfig(dataset="digits")), bundled()
    assert (digits.count, digits.shape) == (1797, (28, 28))
    assert digits.samples.min() == -1
    assert digits.samples.max() == 1
    assert digits.labels is not None
    assert digits.labels.tolist() == scans.target.tolist()
    small = interpolate(digits.samples.reshape(-1, 1, 28, 28), size=(8, 8), mode="area").flatten(1)
    original = torch.from_numpy(scans.images).float().flatten(1) / 8 - 1
    likeness = torch.cosine_similarity(small - small.mean(1, keepdim=True), original - original.mean(1, keepdim=True))
    assert likeness.min() > 0.95  # the same pictures, upright


def test_an_unknown_dataset_is_refused_with_the_known_names() -> None:
    with pytest.raises(DataError, match=r"Dataset = 'digit' is not possible; .*'digits'.* Did you mean 'digits'\?"):
        load_dataset(GANConfig(dataset="digit"))
    with pytest.raises(DataError, match=r"Dataset = 'qqq' is not possible; it should be one of 'digits'[^?]*$"):
        load_dataset(GANConfig(dataset="qqq"))


STRIPES = """
import torch
from gan_core.data.dataset import Dataset

def load(config, own=None):
    x = torch.arange(200) % 5 / 4 - 0.5
    return Dataset(config.dataset, "", torch.stack([x, torch.linspace(-0.8, 0.8, 200)], dim=1), (2,))
"""


def test_a_new_dataset_is_one_file_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stripes.py").write_text(STRIPES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(DATASETS, "stripes", Source("Stripes", "stripes:load", "points"))
    config = with_recommended_settings(GANConfig(), "stripes")
    assert config == GANConfig(dataset="stripes", **RECOMMENDED_SETTINGS["points"])
    dataset = load_dataset(config)
    assert (dataset.name, dataset.title, dataset.count) == ("stripes", "Stripes", 200)
    assert is_prepared("stripes")
    options = [
        "train",
        "--batch-size",
        "8",
        "--iterations",
        "2",
        "--out",
        str(tmp_path / "out"),
        "--overwrite",
        "--dataset",
    ]
    assert main([*options, "stripes"]) == 0
    assert main([*options, "stripe"]) == 2
    assert "'own_points', 'stripes'. Did you mean 'stripes'?" in capfd.readouterr().err


def sampler(count: int = 10, batch_size: int = 3) -> BatchSampler:
    return BatchSampler(count, batch_size, torch.Generator().manual_seed(5))


def test_each_pass_gives_a_sample_at_most_once_and_drops_the_remainder() -> None:
    batches = sampler()
    passes = []
    for number in range(4):
        given = torch.cat([batches.next() for _ in range(3)]).tolist()
        assert batches.epoch == number
        assert len(set(given)) == 9
        assert set(given) <= set(range(10))
        passes.append(given)
    assert len(set(map(tuple, passes))) == 4  # each pass is shuffled
    assert len({(set(range(10)) - set(given)).pop() for given in passes}) > 1  # the remainder differs between passes


def test_a_pass_without_remainder_gives_every_sample_once() -> None:
    batches = sampler(9, 3)
    assert sorted(torch.cat([batches.next() for _ in range(3)]).tolist()) == list(range(9))
    batches.next()
    assert batches.epoch == 1


def test_a_sampler_continues_from_a_loaded_state() -> None:
    first, second = sampler(), BatchSampler(10, 3, torch.Generator().manual_seed(99))
    for _ in range(4):
        first.next()
    second.load_state_dict(first.state_dict())
    assert (second.epoch, second.position) == (1, 3)
    for _ in range(9):
        assert torch.equal(first.next(), second.next())


def test_digits_are_the_same_without_scikit_learns_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from_file = load_dataset(GANConfig())
    monkeypatch.setattr("gan_core.data.digits.find_spec", lambda _: None)
    by_library = load_dataset(GANConfig())
    assert from_file.labels is not None
    assert by_library.labels is not None
    assert torch.equal(from_file.samples, by_library.samples)
    assert torch.equal(from_file.labels, by_library.labels)
