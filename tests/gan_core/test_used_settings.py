"""A setting is used by a run exactly where ``is_used`` says so: another value changes the run there, and only there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core import GANConfig, Trainer
from gan_core.data import load_dataset
from gan_core.data.drawing import SIDE, STARTER, pack
from gan_core.data.own.samples import keep
from gan_core.losses import LOSSES
from gan_core.setting import Setting
from tests.gan_core.support import noise_images, same, tiny

SETTINGS = {setting.name: setting for setting in GANConfig.settings()}
FULL = pack(np.ones((SIDE, SIDE), bool))
OTHER: dict[str, Any] = {
    "dataset": "ring", "classes": (3,), "drawing": FULL, "own_data": "0123456789abcdef", "picture_size": 12,
    "latent_dim": 3, "noise": "uniform", "generator_hidden": (15,), "discriminator_hidden": (15,), "leaky_slope": 0.1,
    "generator_batch_norm": False, "discriminator_batch_norm": True, "batch_norm_momentum": 0.1,
    "batch_norm_position": "before_activation", "batch_size": 7, "d_steps": 2, "g_steps": 1, "update_order": "g_first",
    "loss": "hinge", "gradient_penalty": 1.0, "optimizer_g": "sgd", "optimizer_d": "sgd", "learning_rate_g": 1e-3,
    "learning_rate_d": 1e-3, "adam_beta1": 0.9, "adam_beta2": 0.9, "sgd_momentum": 0.9, "seed": 1,
    "device": "cuda:99", "precision": "bfloat16",
}  # fmt: skip
NO_BATCH_NORM = {"generator_batch_norm": False, "discriminator_batch_norm": False}
D_BATCH_NORM = {"generator_batch_norm": False, "discriminator_batch_norm": True}
TWO_SGD = {"optimizer_g": "sgd", "optimizer_d": "sgd"}
USED: dict[str, list[dict[str, Any]]] = {
    "drawing": [{"dataset": "drawn", "drawing": STARTER}],
    "own_data": [{"dataset": "own_pictures"}, {"dataset": "own_points"}],
    "picture_size": [{"dataset": "own_pictures"}],
    "batch_norm_momentum": [{}, D_BATCH_NORM],
    "batch_norm_position": [{}, D_BATCH_NORM],
    "gradient_penalty": [{"loss": name} for name, loss in LOSSES.items() if loss.penalised],
    "adam_beta1": [{}, {"optimizer_g": "sgd"}, {"optimizer_d": "sgd"}],
    "adam_beta2": [{}, {"optimizer_g": "sgd"}, {"optimizer_d": "sgd"}],
    "sgd_momentum": [TWO_SGD, {"optimizer_g": "sgd"}, {"optimizer_d": "sgd"}],
}
UNUSED: dict[str, list[dict[str, Any]]] = {
    "drawing": [{}, {"dataset": "ring"}],
    "own_data": [{}, {"dataset": "ring"}],
    "picture_size": [{}, {"dataset": "ring"}, {"dataset": "own_points"}],
    "batch_norm_momentum": [NO_BATCH_NORM],
    "batch_norm_position": [NO_BATCH_NORM],
    "gradient_penalty": [{"loss": name} for name, loss in LOSSES.items() if not loss.penalised],
    "adam_beta1": [TWO_SGD],
    "adam_beta2": [TWO_SGD],
    "sgd_momentum": [{}],
}


@pytest.fixture
def own(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    """The files of own data by dataset, each with its fingerprint."""
    arrays: dict[str, Any] = {
        "own_pictures": noise_images(20, 8),
        "own_points": np.random.default_rng(0).random((20, 2), np.float32),
    }
    paths = {dataset: tmp_path / f"{dataset}.npy" for dataset in arrays}
    return {dataset: (paths[dataset], keep(array, paths[dataset])) for dataset, array in arrays.items()}


def outcome(config: GANConfig, own: Path | None) -> Any:
    """Return all that two iterations under ``config`` leave, or why there are none."""
    try:
        trainer = Trainer(config, load_dataset(config, own))
    except ValueError as error:
        return str(error)
    for _ in range(2):
        trainer.step()
    state = trainer.state_dict()
    del state["config"]
    return {**state, "computing": trainer.arithmetic.description}


def changes(setting: Setting, settings: dict[str, Any], own: dict[str, tuple[Path, str]]) -> tuple[GANConfig, bool]:
    """Return the config of these settings, and whether another value of ``setting`` changes a run under it."""
    path, fingerprint = own.get(settings.get("dataset", ""), (None, ""))
    config = tiny(**{"own_data": fingerprint, "picture_size": 8, **settings})
    other = config.replace(**{setting.name: OTHER[setting.name]})
    assert other != config
    first, second = outcome(config, path), outcome(other, path)
    return config, type(first) is not type(second) or not same(first, second)


@pytest.mark.parametrize(
    ("name", "settings"), [(name, settings) for name in SETTINGS for settings in USED.get(name, [{}])]
)
def test_a_used_setting_changes_the_run(name: str, settings: dict[str, Any], own: dict[str, tuple[Path, str]]) -> None:
    config, changed = changes(SETTINGS[name], settings, own)
    assert SETTINGS[name].is_used(config)
    assert changed


@pytest.mark.parametrize(
    ("name", "settings"), [(name, settings) for name, found in UNUSED.items() for settings in found]
)
def test_an_unused_setting_changes_nothing(
    name: str, settings: dict[str, Any], own: dict[str, tuple[Path, str]]
) -> None:
    config, changed = changes(SETTINGS[name], settings, own)
    assert not SETTINGS[name].is_used(config)
    assert not changed


def test_every_condition_is_tested_both_ways_and_stands_in_the_help() -> None:
    conditional = {setting.name for setting in SETTINGS.values() if setting.condition is not None}
    assert conditional == set(USED) == set(UNUSED)
    for name in conditional:
        condition = SETTINGS[name].condition
        assert condition is not None
        assert SETTINGS[name].help.endswith(f" {condition.text}")


def test_a_network_always_has_a_hidden_layer_for_slope_and_batch_norm() -> None:
    for name in ("generator_hidden", "discriminator_hidden"):
        with pytest.raises(ValueError, match="at least 1 item"):
            GANConfig(**{name: ()})
