"""The exported files contain the run's networks and sample the page's own fakes."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gan_core import GANConfig, Trainer
from gan_core.export.snippet import generator_snippet
from gan_core.export.weights import as_torch_file, read_metadata, save_networks
from gan_core.sampling import generate, sample_noise
from tests.gan_core.support import same, tiny, tiny_trainer

CONFIGS: dict[str, dict[str, Any]] = {
    "lecture": {},
    "no BatchNorm": {"generator_batch_norm": False},
    "BatchNorm first": {"batch_norm_position": "before_activation", "batch_norm_momentum": 0.123456789},
    "deep, odd slope": {"generator_hidden": (9, 7, 5), "leaky_slope": 0.123456789, "latent_dim": 3},
    "ReLU": {"leaky_slope": 0.0, "generator_hidden": (8,)},
    "uniform noise": {"noise": "uniform"},
}


@pytest.fixture
def trained() -> Trainer:
    trainer = tiny_trainer()
    for _ in range(3):
        trainer.step()
    return trainer


def test_the_files_contain_both_networks_config_and_iteration(trained: Trainer, tmp_path: Path) -> None:
    save_networks(tmp_path, trained)
    assert {path.name for path in tmp_path.iterdir()} == {"generator.safetensors", "discriminator.safetensors"}
    for name in ("generator", "discriminator"):
        path = tmp_path / f"{name}.safetensors"
        assert same(load_file(path), dict(getattr(trained, name).state_dict()))
        metadata = read_metadata(path.read_bytes())
        assert GANConfig.from_json(metadata["config"]) == trained.config
        assert metadata["iteration"] == "3"


def test_the_torch_file_loads_with_weights_only(trained: Trainer, tmp_path: Path) -> None:
    save_networks(tmp_path, trained)
    file = as_torch_file((tmp_path / "generator.safetensors").read_bytes())
    content = torch.load(io.BytesIO(file), weights_only=True)
    assert set(content) == {"generator", "config", "iteration"}
    assert same(content["generator"], dict(trained.generator.state_dict()))
    assert GANConfig.from_json(content["config"]) == trained.config
    assert content["iteration"] == 3


@pytest.mark.parametrize("changes", CONFIGS.values(), ids=list(CONFIGS))
@pytest.mark.parametrize("data", ["points", "digits"])
def test_the_snippet_samples_the_same_fakes_as_the_page(
    changes: dict[str, Any], data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = tiny_trainer(**changes) if data == "points" else Trainer(tiny(**changes))
    for _ in range(4):
        trainer.step()
    save_networks(tmp_path, trainer)
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(generator_snippet(trainer.config, trainer.dataset.shape, sample_seed=11, count=5), made)
    shown = generate(trainer, sample_noise(11, 5, trainer.config))
    name = "points" if data == "points" else "pictures"
    assert made[name].shape == (5, *trainer.dataset.shape)
    np.testing.assert_array_equal(made[name].numpy(), shown)
