"""Diagnostics of 2-D data are right and do not change the run."""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from gan_core import GANConfig, Trainer
from gan_core.data import with_recommended_settings
from gan_core.data.dataset import Dataset, Modes
from gan_core.diagnostics.points import LATTICE, MEASURED, PointsDiagnostics, floor, jensen_shannon, modes_covered
from gan_core.diagnostics.views import PointsView
from gan_core.losses import LOSSES
from gan_core.runs.protocol import Play, Step
from gan_core.runs.worker import Worker
from gan_core.sampling import generate, sample_noise
from tests.gan_core.support import BROKEN, DEVICES, same


def config_2d(dataset: str = "eight_gaussians", **changes: Any) -> GANConfig:
    return with_recommended_settings(GANConfig(device="cpu"), dataset).replace(**changes)


def trained(config: GANConfig, iterations: int = 30) -> Trainer:
    trainer = Trainer(config)
    for _ in range(iterations):
        trainer.step()
    return trainer


def shown(trainer: Trainer, count: int = 60) -> np.ndarray:
    return generate(trainer, sample_noise(3, count, trainer.config))


def view(trainer: Trainer, fakes: np.ndarray | None = None) -> PointsView:
    found = PointsDiagnostics(trainer).view(trainer, shown(trainer) if fakes is None else fakes)
    assert found is not None
    return found


# Jensen–Shannon ----------------------------------------------------------------------------------------------

samples = arrays(np.float32, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-2, 2, width=32))


@given(samples, samples)
def test_the_divergence_is_symmetric_and_between_0_and_1(first: np.ndarray, second: np.ndarray) -> None:
    divergence = jensen_shannon(first, second)
    assert -1e-12 <= divergence <= 1 + 1e-12
    assert divergence == pytest.approx(jensen_shannon(second, first), abs=1e-12)
    assert jensen_shannon(first, first) == 0


def in_cells(*counts: tuple[float, float, int]) -> np.ndarray:
    """Return ``count`` points at each ``(x, y, count)``."""
    return np.array([(x, y) for x, y, count in counts for _ in range(count)], np.float32)


def test_the_divergence_of_two_cells_equals_its_formula() -> None:
    """Shares (3/4, 1/4) and (1/4, 3/4) of two cells: H(1/2) - H(1/4) = 1 - 0.8112781 bits."""
    first = in_cells((-0.5, -0.5, 3), (0.5, -0.5, 1))
    second = in_cells((-0.5, -0.5, 1), (0.5, -0.5, 3))
    expected = 1 + (0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert jensen_shannon(first, second, bins=2) == pytest.approx(expected)
    assert jensen_shannon(first.repeat(7, axis=0), second, bins=2) == pytest.approx(expected)  # shares, not counts


def test_the_divergence_of_samples_without_a_common_cell_is_1() -> None:
    left = in_cells((-0.5, -0.5, 2))
    for x, y in ((0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)):
        assert jensen_shannon(left, in_cells((x, y, 5)), bins=2) == 1


def test_the_divergence_of_half_overlapping_samples_equals_its_formula() -> None:
    """Shares (1, 0) and (1/2, 1/2): H(1/4) - H(1/2) / 2."""
    expected = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)) - 0.5
    assert jensen_shannon(in_cells((0, 0, 1)), in_cells((0, 0, 1), (0.9, 0.9, 1))) == pytest.approx(expected)


def test_a_point_outside_counts_in_the_nearest_cell() -> None:
    inside = in_cells((0.99, 0.99, 1), (-0.99, 0.05, 1), (0.05, -0.99, 1), (1, 1, 1))
    outside = in_cells((7, 1.5, 1), (-9, 0.05, 1), (0.05, -1.01, 1), (0.99, np.inf, 1))
    assert jensen_shannon(inside, outside) == 0


# The floor ---------------------------------------------------------------------------------------------------


def uniform(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (count, 2)).astype(np.float32)


def test_the_floor_falls_with_the_size_of_the_samples() -> None:
    found = [floor(uniform(10_000), size, 6, np.random.default_rng(0)) for size in (100, 500, 2_500)]
    assert found[0] > 2 * found[1] > 4 * found[2] > 0


def test_the_samples_of_a_pair_are_disjoint_if_there_are_enough_points() -> None:
    """Eight points in eight cells: only disjoint samples of four have a divergence of 1."""
    apart = in_cells(*((x / 4 - 0.9, 0, 1) for x in range(8)))
    assert floor(apart, 4, 5, np.random.default_rng(0)) == 1
    assert 0 < floor(apart, 5, 5, np.random.default_rng(0)) < 1


def test_a_small_dataset_has_a_floor() -> None:
    assert 0 < floor(uniform(50), 2_000, 4, np.random.default_rng(0)) < 0.02
    assert floor(uniform(1), 2_000, 4, np.random.default_rng(0)) == 0


@pytest.mark.parametrize("name", ["eight_gaussians", "checkerboard", "spiral"])
def test_the_divergence_of_real_points_is_the_floor(name: str) -> None:
    trainer = Trainer(config_2d(name))
    diagnostics = PointsDiagnostics(trainer)
    others = trainer.dataset.samples.numpy()[np.random.default_rng(5).choice(10_000, MEASURED, replace=False)]
    assert jensen_shannon(diagnostics.real, others) == pytest.approx(diagnostics.floor, rel=0.35)


# Modes -------------------------------------------------------------------------------------------------------

CROSS = Modes(torch.tensor([[0.5, 0.0], [0.0, 0.5], [-0.5, 0.0], [0.0, -0.5]]), 0.1)


def test_a_mode_is_covered_by_a_tenth_of_its_fair_share() -> None:
    strays = in_cells((0.9, 0.9, 20))
    for few, covered in ((2, 2), (3, 3)):  # of 120 points the fair share of four modes is 30
        points = np.concatenate([strays, in_cells((0.5, 0.02, 60), (-0.5, 0, 40 - few), (0, 0.5, few))])
        assert len(points) == 120
        assert modes_covered(points, CROSS) == (covered, pytest.approx(100 / 120))


@pytest.mark.parametrize("angle", [0, 0.4, -0.7])
def test_a_point_is_good_within_three_deviations_in_any_direction(angle: float) -> None:
    for distance, share in ((0.299, 1), (0.301, 0)):
        off = in_cells((0.5 + distance * math.cos(angle), distance * math.sin(angle), 10))
        assert modes_covered(off, CROSS) == (share, share)


def test_all_modes_of_the_real_points_are_covered() -> None:
    for name in ("eight_gaussians", "grid_25", "two_gaussians", "disjoint"):
        trainer = Trainer(config_2d(name))
        diagnostics = PointsDiagnostics(trainer)
        assert diagnostics.modes is not None
        covered, good = modes_covered(diagnostics.real, diagnostics.modes)
        assert covered == len(diagnostics.modes.centres)
        assert good == pytest.approx(1 - math.exp(-4.5), abs=0.01)


# Views ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loss", ["bce", "least_squares", "wasserstein_gp"])
def test_scores_are_ds_scores_at_the_lattice_points(loss: str, device: str) -> None:
    trainer = trained(config_2d(loss=loss, discriminator_batch_norm=True, device=device))
    scores = view(trainer).scores
    assert (scores.shape, scores.dtype) == ((LATTICE, LATTICE), np.float32)
    network = copy.deepcopy(trainer.discriminator).cpu().eval()
    score = LOSSES[trainer.config.loss].score
    for row, column in ((0, 0), (0, 40), (40, 0), (13, 29), (20, 20)):
        point = torch.tensor([[column / 20 - 1, row / 20 - 1]])
        with torch.no_grad():
            assert scores[row, column] == pytest.approx(float(score(network(point))), abs=1e-4)
    assert scores.std() > 0


def quantile(probability: float) -> float:
    return math.sqrt(2) * float(torch.erfinv(torch.tensor(2 * probability - 1, dtype=torch.float64)))


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_the_manifold_is_the_generators_output_for_the_noise_lattice(noise: str) -> None:
    trainer = trained(config_2d(noise=noise, generator_batch_norm=True))
    manifold = view(trainer).manifold
    assert manifold is not None
    assert (manifold.shape, manifold.dtype) == ((21, 21, 2), np.float32)
    values = [quantile((k + 0.5) / 21) if noise == "normal" else k / 10 - 1 for k in range(21)]
    for row, column in ((0, 0), (0, 20), (20, 0), (4, 17), (10, 10)):
        (expected,) = generate(trainer, torch.tensor([[values[column], values[row]]]))
        np.testing.assert_allclose(manifold[row, column], expected, atol=1e-5)


def test_the_manifold_is_a_line_for_latent_dim_1_and_none_for_latent_dim_3() -> None:
    trainer = trained(config_2d(latent_dim=1, noise="uniform"))
    manifold = view(trainer).manifold
    assert manifold is not None
    assert manifold.shape == (1, 200, 2)
    np.testing.assert_allclose(manifold[0, [0, -1]], generate(trainer, torch.tensor([[-1.0], [1.0]])), atol=1e-6)
    assert view(trained(config_2d(latent_dim=3))).manifold is None


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_the_sample_gradient_is_minus_the_slope_of_each_fakes_own_loss(loss: str) -> None:
    trainer = trained(config_2d(loss=loss, discriminator_batch_norm=True))
    fakes = shown(trainer, 12)
    gradient = view(trainer, fakes).sample_gradient
    assert (gradient.shape, gradient.dtype) == ((12, 2), np.float32)
    network = copy.deepcopy(trainer.discriminator).double().eval()
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)

    def loss_of(fake: np.ndarray) -> float:
        with torch.no_grad():
            return float(LOSSES[trainer.config.loss].generator(network(torch.tensor(fake)[None]), one, zero))

    step = 1e-6  # so small that no LeakyReLU input changes its sign
    for fake, arrow in zip(fakes.astype(np.float64), gradient, strict=True):
        sides = [step * np.eye(2)[axis] for axis in range(2)]
        slope = [(loss_of(fake + side) - loss_of(fake - side)) / (2 * step) for side in sides]
        np.testing.assert_allclose(arrow, -np.array(slope), rtol=1e-3, atol=1e-5)


def test_the_sample_gradient_does_not_depend_on_the_number_of_fakes() -> None:
    trainer = trained(config_2d())
    fakes = shown(trainer, 50)
    np.testing.assert_allclose(
        view(trainer, fakes[:3]).sample_gradient, view(trainer, fakes).sample_gradient[:3], rtol=1e-4, atol=1e-7
    )


def test_a_generator_of_one_good_point_covers_one_mode() -> None:
    """A generator that makes one point, in the middle of a mode."""
    trainer = Trainer(config_2d())
    last = trainer.generator[-2]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.atanh(torch.tensor([0.75, 0.0])))
    found = view(trainer)
    assert (found.modes, found.covered, found.good) == (8, 1, 1.0)
    assert 0.8 < found.divergence < 1
    assert 0 < found.floor < 0.03
    assert found.manifold is not None
    assert np.ptp(found.manifold, axis=(0, 1)).max() == 0


def test_a_dataset_without_known_modes_has_no_coverage() -> None:
    found = view(Trainer(config_2d("spiral")))
    assert (found.modes, found.covered) == (0, 0)
    assert math.isnan(found.good)


def test_a_small_dataset_of_the_learners_own_has_a_view() -> None:
    own = Dataset("own", "Own", torch.from_numpy(uniform(50)), (2,))
    found = view(Trainer(config_2d(batch_size=10), own))
    assert found.floor < 0.02 < found.divergence


def test_two_views_of_the_same_weights_are_equal() -> None:
    trainer = trained(config_2d())
    first, second = view(trainer), view(trainer)
    assert (first.divergence, first.floor, first.good) == (second.divergence, second.floor, second.good)
    assert np.array_equal(first.scores, second.scores)


# Views do not change runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loss", ["bce", "wasserstein_gp"])
@pytest.mark.parametrize("order", ["d_first", "simultaneous"])
def test_a_watched_and_an_unwatched_run_end_in_the_same_weights(order: str, loss: str, device: str) -> None:
    config = config_2d(
        update_order=order, loss=loss, generator_batch_norm=True, discriminator_batch_norm=True, device=device
    )
    watched, unwatched = Trainer(config), Trainer(config)
    before = torch.get_rng_state()
    diagnostics = PointsDiagnostics(watched)
    for _ in range(12):
        assert same(list(watched.step()), list(unwatched.step()))
        diagnostics.view(watched, shown(watched))
    assert same(watched.state_dict(), unwatched.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("network", ["D", "G"])
def test_a_view_between_two_stages_does_not_change_the_run(network: Any) -> None:
    config = config_2d(generator_batch_norm=True, discriminator_batch_norm=True)
    watched, unwatched = trained(config, 3), trained(config, 3)
    diagnostics = PointsDiagnostics(watched)
    for _ in watched.walk(network):
        diagnostics.view(watched, shown(watched))
    unwatched.update(network)
    assert same(watched.state_dict(), unwatched.state_dict())
    for mine, other in ((watched.generator, unwatched.generator), (watched.discriminator, unwatched.discriminator)):
        assert mine.training
        for left, right in zip(mine.parameters(), other.parameters(), strict=True):
            assert left.requires_grad
            assert same(left.grad, right.grad)


# In a run ----------------------------------------------------------------------------------------------------


def worker(folder: Path, config: GANConfig) -> Worker:
    run = Worker("run", config, folder)
    run.start()
    return run


def test_the_snapshot_of_a_run_on_2d_data_holds_a_view(tmp_path: Path) -> None:
    run = worker(tmp_path, config_2d())
    run.handle(Step(3))
    snapshot = run.report().snapshot
    assert snapshot is not None
    assert snapshot.fake.shape == snapshot.real.shape == (400, 2)
    expected = view(trained(config_2d(), 3), snapshot.fake)
    assert snapshot.points is not None
    assert np.array_equal(snapshot.points.scores, expected.scores)
    assert np.array_equal(snapshot.points.sample_gradient, expected.sample_gradient)
    assert snapshot.points.divergence == expected.divergence


def test_the_snapshot_of_a_run_on_images_holds_no_view_of_points(tmp_path: Path) -> None:
    config = GANConfig(device="cpu", generator_hidden=(8,), discriminator_hidden=(8,), latent_dim=2)
    snapshot = worker(tmp_path, config).report().snapshot
    assert snapshot is not None
    assert snapshot.points is None
    assert snapshot.fake.shape == (36, 28, 28)


def test_a_diverged_run_keeps_the_last_finite_view(tmp_path: Path) -> None:
    run = worker(tmp_path, config_2d(**BROKEN, loss="wasserstein_gp", gradient_penalty=1000.0))
    run.handle(Play())
    for _ in range(200):
        run.advance(0)
        snapshot = run.report().snapshot
    assert run.state == "failed"
    assert snapshot is not None
    assert snapshot.points is not None
    assert np.isfinite(snapshot.points.scores).all()


def test_broken_weights_have_no_view() -> None:
    for network in ("generator", "discriminator"):
        trainer = Trainer(config_2d())
        getattr(trainer, network)[0].bias.data[3] = math.nan
        assert PointsDiagnostics(trainer).view(trainer, shown(trainer)) is None
