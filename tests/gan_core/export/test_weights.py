"""What a learner takes home makes the page's own pictures."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gan_core import GANConfig, Trainer
from gan_core.export.snippet import generator_snippet
from gan_core.export.weights import as_torch_file, read_metadata, save_networks, write_whole
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


def test_files_hold_both_networks_and_say_where_from(trained: Trainer, tmp_path: Path) -> None:
    save_networks(tmp_path, trained)
    assert {path.name for path in tmp_path.iterdir()} == {"generator.safetensors", "discriminator.safetensors"}
    for name in ("generator", "discriminator"):
        path = tmp_path / f"{name}.safetensors"
        assert same(load_file(path), dict(getattr(trained, name).state_dict()))
        metadata = read_metadata(path.read_bytes())
        assert GANConfig.from_json(metadata["config"]) == trained.config
        assert metadata["iteration"] == "3"


def test_the_torch_file_loads_without_trust(trained: Trainer, tmp_path: Path) -> None:
    save_networks(tmp_path, trained)
    file = as_torch_file((tmp_path / "generator.safetensors").read_bytes())
    content = torch.load(io.BytesIO(file), weights_only=True)
    assert set(content) == {"generator", "config", "iteration"}
    assert same(content["generator"], dict(trained.generator.state_dict()))
    assert GANConfig.from_json(content["config"]) == trained.config
    assert content["iteration"] == 3


@pytest.mark.parametrize("changes", CONFIGS.values(), ids=list(CONFIGS))
@pytest.mark.parametrize("data", ["points", "digits"])
def test_the_snippet_makes_the_same_pictures(
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


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
