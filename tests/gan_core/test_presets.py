"""What the presets promise is what their training shows."""

import numpy as np
import pytest
import torch

from gan_core import GANConfig, Trainer
from gan_core.data import DATASETS, with_recommended_settings
from gan_core.diagnostics.points import PointsDiagnostics
from gan_core.diagnostics.views import PointsView
from gan_core.presets import PRESETS
from gan_core.sampling import generate, sample_noise


def looks(config: GANConfig, every: int, times: int) -> list[PointsView]:
    """Train on one thread, so that every machine sums alike, and look every so many iterations."""
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


def test_the_ring_is_learnt_by_the_settings_that_suit_points() -> None:
    assert PRESETS["ring"].config == with_recommended_settings(GANConfig(), "eight_gaussians")
    (view,) = looks(PRESETS["ring"].config, 2500, 1)
    assert (view.modes, view.covered) == (8, 8)
    assert view.good >= 0.6
    assert view.divergence < 0.4


def test_mode_collapse_collapses_and_stays_so() -> None:
    seen = looks(PRESETS["mode_collapse"].config, 300, 4)
    assert max(view.covered for view in seen) <= 2
    assert min(view.divergence for view in seen) > 0.7


def test_the_collapsed_fakes_gather_in_one_spot() -> None:
    config = PRESETS["mode_collapse"].config
    trainer = Trainer(config.replace(device="cpu"))
    for _ in range(600):
        trainer.step()
    spread = float(np.linalg.norm(generate(trainer, sample_noise(0, 500, config)).std(axis=0)))
    real = float(torch.linalg.vector_norm(trainer.dataset.samples.std(dim=0)))
    assert spread < 0.5 * real


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_preset_can_be_trained(preset: object) -> None:
    config = preset.config.replace(device="cpu")  # type: ignore[attr-defined]
    assert config.dataset in DATASETS
    assert torch.isfinite(Trainer(config).step().loss_d)
