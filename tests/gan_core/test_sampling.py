"""Sampling does not change a run, and samples are right."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gan_core import Trainer
from gan_core.config import GANConfig
from gan_core.sampling import generate, real_samples, sample_noise
from tests.gan_core.support import DEVICES, same, tiny_trainer


def watch(trainer: Trainer) -> None:
    """Do everything that showing a run does."""
    generate(trainer, sample_noise(trainer.iteration, 9, trainer.config))
    real_samples(trainer, 9)
    torch.save(trainer.state_dict(), io.BytesIO())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loss", ["bce", "wasserstein_gp"])
@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
def test_a_watched_and_an_unwatched_run_end_in_the_same_weights(order: str, loss: str, device: str) -> None:
    settings: dict[str, Any] = {"update_order": order, "loss": loss, "discriminator_batch_norm": True, "device": device}
    watched, unwatched = tiny_trainer(**settings), tiny_trainer(**settings)
    watch(watched)
    for _ in range(12):
        assert same(list(watched.step()), list(unwatched.step()))
        watch(watched)
    assert same(watched.state_dict(), unwatched.state_dict())


@pytest.mark.parametrize("action", [watch, Trainer.state_dict], ids=["watch", "state_dict"])
@pytest.mark.parametrize("network", ["D", "G"])
def test_sampling_or_saving_between_two_stages_does_not_change_the_run(
    network: Any, action: Callable[[Trainer], Any]
) -> None:
    watched, unwatched = (tiny_trainer(discriminator_batch_norm=True) for _ in range(2))
    for _ in watched.walk(network):
        action(watched)
    unwatched.update(network)
    assert same(watched.state_dict(), unwatched.state_dict())
    for mine, other in zip(watched.generator.parameters(), unwatched.generator.parameters(), strict=True):
        assert same(mine.grad, other.grad)


def test_a_fake_depends_only_on_its_own_noise() -> None:
    trainer = tiny_trainer()
    for _ in range(5):
        trainer.step()
    noise = sample_noise(3, 12, GANConfig(latent_dim=4))
    together = generate(trainer, noise)
    alone = np.concatenate([generate(trainer, noise[index : index + 1]) for index in range(12)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)
    assert together.shape == (12, 6)
    assert together.dtype == np.float32
    assert np.abs(together).max() <= 1
    assert len(np.unique(together.round(4), axis=0)) == 12
    assert all(module.training for module in trainer.generator.modules())


def test_a_generator_that_raises_stays_in_train_mode() -> None:
    trainer = tiny_trainer()
    with pytest.raises(RuntimeError):
        generate(trainer, torch.zeros(2, 99))
    assert trainer.generator.training


def test_generate_normalises_by_running_statistics() -> None:
    trainer = tiny_trainer()
    trainer.step()
    noise = sample_noise(0, 5, GANConfig(latent_dim=4))
    (linear, leaky, norm, last, _tanh) = trainer.generator
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        hidden = leaky(linear(noise))
        hidden = (hidden - norm.running_mean) / (norm.running_var + 1e-5).sqrt() * norm.weight + norm.bias
        expected = torch.tanh(last(hidden))
    np.testing.assert_allclose(generate(trainer, noise), expected.numpy(), rtol=0, atol=1e-6)


def test_sample_noise_depends_only_on_its_seed() -> None:
    assert torch.equal(
        sample_noise(5, 3, GANConfig(latent_dim=4)), torch.randn(3, 4, generator=torch.Generator().manual_seed(5))
    )
    assert not torch.equal(sample_noise(5, 3, GANConfig(latent_dim=4)), sample_noise(6, 3, GANConfig(latent_dim=4)))


def test_real_samples_are_of_the_dataset_and_stay_the_same() -> None:
    trainer = tiny_trainer()
    samples = real_samples(trainer, 10)
    trainer.step()
    np.testing.assert_array_equal(real_samples(trainer, 10), samples)
    known = {tuple(sample) for sample in trainer.dataset.samples.tolist()}
    assert len({tuple(sample) for sample in samples.tolist()} & known) == 10
    assert real_samples(trainer, 100).shape == (44, 6)  # the whole dataset
