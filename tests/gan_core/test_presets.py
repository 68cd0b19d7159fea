"""Training with the presets shows what their descriptions say."""

import numpy as np
import pytest
import torch

from gan_core import GANConfig, Trainer
from gan_core.data import DATASETS, with_recommended_settings
from gan_core.diagnostics.points import PointsDiagnostics
from gan_core.diagnostics.views import PointsView
from gan_core.presets import PRESETS
from gan_core.sampling import generate, sample_noise


def views(config: GANConfig, every: int, times: int) -> list[PointsView]:
    """Return a view every so many iterations. One thread, so every machine adds in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trainer = Trainer(config.replace(device="cpu"))
        watch, seen = PointsDiagnostics(trainer), []
        for _ in range(times):
            for _ in range(every):
                trainer.step()
            view = watch.view(trainer, generate(trainer, sample_noise(0, 10, config)))
            assert view is not None
            seen.append(view)
        return seen
    finally:
        torch.set_num_threads(threads)


def test_the_recommended_settings_learn_the_ring() -> None:
    assert PRESETS["ring"].config == with_recommended_settings(GANConfig(), "eight_gaussians")
    (view,) = views(PRESETS["ring"].config, 2500, 1)
    assert (view.modes, view.covered) == (8, 8)
    assert view.good >= 0.6
    assert view.divergence < 0.4


def test_the_mode_collapse_preset_keeps_at_most_two_modes() -> None:
    seen = views(PRESETS["mode_collapse"].config, 300, 4)
    assert max(view.covered for view in seen) <= 2
    assert min(view.divergence for view in seen) > 0.7


def test_the_fakes_of_the_mode_collapse_preset_do_what_its_description_says() -> None:
    config = PRESETS["mode_collapse"].config.replace(device="cpu")
    description = PRESETS["mode_collapse"].description
    assert (config.g_steps, config.d_steps) == (5, 1)
    assert config.learning_rate_g > config.learning_rate_d
    assert "five large steps for each small step of D" in description
    trainer = Trainer(config)
    real = float(torch.linalg.vector_norm(trainer.dataset.samples.std(dim=0)))
    spreads, centres, scores = [], [], []
    for _ in range(15):
        for _ in range(100):
            metrics = trainer.step()
        fakes = generate(trainer, sample_noise(0, 500, config))
        spreads.append(float(np.linalg.norm(fakes.std(axis=0))) / real)
        centres.append(fakes.mean(axis=0))
        scores.append(float(metrics.d_fake))
    assert "Most of the time the fakes are nearly alike" in description
    assert np.mean([spread < 0.25 for spread in spreads]) > 0.7
    assert "move from place to place together" in description
    assert np.median(np.linalg.norm(np.diff(centres, axis=0), axis=1)) > 0.5
    assert "D scores them about 0.5" in description
    assert scores == pytest.approx([0.5] * 15, abs=0.05)


def test_the_ring_preset_reaches_all_clouds_when_its_description_says() -> None:
    config = PRESETS["ring"].config
    assert "D's learning rate is four times G's" in PRESETS["ring"].description
    assert config.learning_rate_d == pytest.approx(4 * config.learning_rate_g)
    assert "all eight clouds within about a thousand iterations" in PRESETS["ring"].description
    (view,) = views(config, 1000, 1)
    assert view.covered == 8


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_preset_can_be_trained(preset: object) -> None:
    config = preset.config.replace(device="cpu")  # type: ignore[attr-defined]
    assert config.dataset in DATASETS
    assert torch.isfinite(Trainer(config).step().loss_d)
