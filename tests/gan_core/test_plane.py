"""Distributions of the plane."""

import pytest
import torch

from gan_core import GANConfig, Trainer
from gan_core.data import DATASETS, load_dataset, suited

PLANE = [name for name, source in DATASETS.items() if source.kind == "points"]


@pytest.mark.parametrize("name", PLANE)
def test_a_set_is_the_same_for_every_seed_and_keeps_off_the_border(name: str) -> None:
    first, second = (load_dataset(suited(GANConfig(seed=seed), name)) for seed in (0, 7))
    assert torch.equal(first.samples, second.samples)
    assert first.samples.abs().max() <= 0.95
    assert first.samples.shape == (10_000, 2)


@pytest.mark.parametrize("name", PLANE)
def test_a_set_trains_with_the_settings_that_suit_it(name: str) -> None:
    trainer = Trainer(suited(GANConfig(device="cpu"), name))
    for _ in range(5):
        assert all(value.isfinite() for value in trainer.step())
