"""What there is to see of a GAN in the plane is true, and looking at it changes nothing."""

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


def plane(dataset: str = "eight_gaussians", **changes: Any) -> GANConfig:
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
def test_a_divergence_is_symmetric_and_lies_between_0_and_1(first: np.ndarray, second: np.ndarray) -> None:
    there = jensen_shannon(first, second)
    assert -1e-12 <= there <= 1 + 1e-12
    assert there == pytest.approx(jensen_shannon(second, first), abs=1e-12)
    assert jensen_shannon(first, first) == 0


def in_cells(*counts: tuple[float, float, int]) -> np.ndarray:
    """So many points at each ``(x, y)``."""
    return np.array([(x, y) for x, y, count in counts for _ in range(count)], np.float32)


def test_a_divergence_is_the_one_computed_by_hand() -> None:
    """Shares (3/4, 1/4) and (1/4, 3/4) of two cells: H(1/2) - H(1/4) = 1 - 0.8112781 bits."""
    first = in_cells((-0.5, -0.5, 3), (0.5, -0.5, 1))
    second = in_cells((-0.5, -0.5, 1), (0.5, -0.5, 3))
    expected = 1 + (0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert jensen_shannon(first, second, bins=2) == pytest.approx(expected)
    assert jensen_shannon(first.repeat(7, axis=0), second, bins=2) == pytest.approx(expected)  # shares, not counts


def test_samples_that_share_no_cell_are_one_bit_apart_in_every_direction() -> None:
    left = in_cells((-0.5, -0.5, 2))
    for x, y in ((0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)):
        assert jensen_shannon(left, in_cells((x, y, 5)), bins=2) == 1


def test_half_a_sample_elsewhere_is_known_too() -> None:
    """Shares (1, 0) and (1/2, 1/2): H(1/4) - H(1/2) / 2."""
    expected = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)) - 0.5
    assert jensen_shannon(in_cells((0, 0, 1)), in_cells((0, 0, 1), (0.9, 0.9, 1))) == pytest.approx(expected)


def test_what_lies_outside_counts_at_the_nearest_border() -> None:
    inside = in_cells((0.99, 0.99, 1), (-0.99, 0.05, 1), (0.05, -0.99, 1), (1, 1, 1))
    outside = in_cells((7, 1.5, 1), (-9, 0.05, 1), (0.05, -1.01, 1), (0.99, np.inf, 1))
    assert jensen_shannon(inside, outside) == 0


# The floor ---------------------------------------------------------------------------------------------------


def uniform(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (count, 2)).astype(np.float32)


def test_the_floor_falls_with_the_size_of_the_samples() -> None:
    found = [floor(uniform(10_000), size, 6, np.random.default_rng(0)) for size in (100, 500, 2_500)]
    assert found[0] > 2 * found[1] > 4 * found[2] > 0


def test_a_pair_has_no_point_in_common_where_there_are_enough() -> None:
    """Eight points in eight cells: two disjoint samples of four are one bit apart, drawn anyhow they are not."""
    apart = in_cells(*((x / 4 - 0.9, 0, 1) for x in range(8)))
    assert floor(apart, 4, 5, np.random.default_rng(0)) == 1
    assert 0 < floor(apart, 5, 5, np.random.default_rng(0)) < 1


def test_a_set_of_a_few_points_has_a_floor() -> None:
    assert 0 < floor(uniform(50), 2_000, 4, np.random.default_rng(0)) < 0.02
    assert floor(uniform(1), 2_000, 4, np.random.default_rng(0)) == 0


@pytest.mark.parametrize("name", ["eight_gaussians", "checkerboard", "spiral"])
def test_real_points_themselves_are_at_the_floor(name: str) -> None:
    trainer = Trainer(plane(name))
    watch = PointsDiagnostics(trainer)
    others = trainer.dataset.samples.numpy()[np.random.default_rng(5).choice(10_000, MEASURED, replace=False)]
    assert jensen_shannon(watch.real, others) == pytest.approx(watch.floor, rel=0.35)


# Modes -------------------------------------------------------------------------------------------------------

CROSS = Modes(torch.tensor([[0.5, 0.0], [0.0, 0.5], [-0.5, 0.0], [0.0, -0.5]]), 0.1)


def test_a_mode_is_covered_by_a_tenth_of_its_share() -> None:
    strays = in_cells((0.9, 0.9, 20))
    for few, covered in ((2, 2), (3, 3)):  # of 120 points the fair share of four modes is 30
        points = np.concatenate([strays, in_cells((0.5, 0.02, 60), (-0.5, 0, 40 - few), (0, 0.5, few))])
        assert len(points) == 120
        assert modes_covered(points, CROSS) == (covered, pytest.approx(100 / 120))


@pytest.mark.parametrize("angle", [0, 0.4, -0.7])
def test_a_sample_is_good_within_three_deviations_in_any_direction(angle: float) -> None:
    for distance, share in ((0.299, 1), (0.301, 0)):
        off = in_cells((0.5 + distance * math.cos(angle), distance * math.sin(angle), 10))
        assert modes_covered(off, CROSS) == (share, share)


def test_all_modes_of_the_real_points_are_covered() -> None:
    for name in ("eight_gaussians", "grid_25", "two_gaussians", "disjoint"):
        trainer = Trainer(plane(name))
        watch = PointsDiagnostics(trainer)
        assert watch.modes is not None
        covered, good = modes_covered(watch.real, watch.modes)
        assert covered == len(watch.modes.centres)
        assert good == pytest.approx(1 - math.exp(-4.5), abs=0.01)


# What the watch sees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loss", ["bce", "least_squares", "wasserstein_gp"])
def test_the_map_is_ds_own_score_at_each_place(loss: str, device: str) -> None:
    trainer = trained(plane(loss=loss, discriminator_batch_norm=True, device=device))
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
def test_the_sheet_is_what_the_generator_makes_of_a_lattice_of_noise(noise: str) -> None:
    trainer = trained(plane(noise=noise, generator_batch_norm=True))
    manifold = view(trainer).manifold
    assert manifold is not None
    assert (manifold.shape, manifold.dtype) == ((21, 21, 2), np.float32)
    places = [quantile((k + 0.5) / 21) if noise == "normal" else k / 10 - 1 for k in range(21)]
    for row, column in ((0, 0), (0, 20), (20, 0), (4, 17), (10, 10)):
        (expected,) = generate(trainer, torch.tensor([[places[column], places[row]]]))
        np.testing.assert_allclose(manifold[row, column], expected, atol=1e-5)


def test_a_string_of_noise_becomes_a_line_and_more_than_a_plane_is_not_shown() -> None:
    trainer = trained(plane(latent_dim=1, noise="uniform"))
    manifold = view(trainer).manifold
    assert manifold is not None
    assert manifold.shape == (1, 200, 2)
    np.testing.assert_allclose(manifold[0, [0, -1]], generate(trainer, torch.tensor([[-1.0], [1.0]])), atol=1e-6)
    assert view(trained(plane(latent_dim=3))).manifold is None


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_the_pull_is_the_way_down_of_each_fakes_own_loss(loss: str) -> None:
    trainer = trained(plane(loss=loss, discriminator_batch_norm=True))
    fakes = shown(trainer, 12)
    pull = view(trainer, fakes).sample_gradient
    assert (pull.shape, pull.dtype) == ((12, 2), np.float32)
    network = copy.deepcopy(trainer.discriminator).double().eval()
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)

    def loss_of(fake: np.ndarray) -> float:
        with torch.no_grad():
            return float(LOSSES[trainer.config.loss].generator(network(torch.tensor(fake)[None]), one, zero))

    step = 1e-6  # so short that LeakyReLU's edges are far
    for fake, way in zip(fakes.astype(np.float64), pull, strict=True):
        sides = [step * np.eye(2)[axis] for axis in range(2)]
        slope = [(loss_of(fake + side) - loss_of(fake - side)) / (2 * step) for side in sides]
        np.testing.assert_allclose(way, -np.array(slope), rtol=1e-3, atol=1e-5)


def test_the_pull_does_not_depend_on_how_many_fakes_there_are() -> None:
    trainer = trained(plane())
    fakes = shown(trainer, 50)
    np.testing.assert_allclose(
        view(trainer, fakes[:3]).sample_gradient, view(trainer, fakes).sample_gradient[:3], rtol=1e-4, atol=1e-7
    )


def test_the_numbers_are_those_of_the_fakes() -> None:
    """A generator that makes one point, in the middle of a mode."""
    trainer = Trainer(plane())
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


def test_where_no_modes_are_known_none_are_counted() -> None:
    found = view(Trainer(plane("spiral")))
    assert (found.modes, found.covered) == (0, 0)
    assert math.isnan(found.good)


def test_a_set_of_a_few_points_of_ones_own_is_watched() -> None:
    own = Dataset("own", "Own", torch.from_numpy(uniform(50)), (2,))
    found = view(Trainer(plane(batch_size=10), own))
    assert found.floor < 0.02 < found.divergence


def test_the_same_weights_look_the_same_to_every_watch() -> None:
    trainer = trained(plane())
    first, second = view(trainer), view(trainer)
    assert (first.divergence, first.floor, first.good) == (second.divergence, second.floor, second.good)
    assert np.array_equal(first.scores, second.scores)


# Watching changes nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("loss", ["bce", "wasserstein_gp"])
@pytest.mark.parametrize("order", ["d_first", "simultaneous"])
def test_a_watched_run_and_an_unwatched_one_end_the_same(order: str, loss: str, device: str) -> None:
    config = plane(
        update_order=order, loss=loss, generator_batch_norm=True, discriminator_batch_norm=True, device=device
    )
    watched, unwatched = Trainer(config), Trainer(config)
    before = torch.get_rng_state()
    watch = PointsDiagnostics(watched)
    for _ in range(12):
        assert same(list(watched.step()), list(unwatched.step()))
        watch.view(watched, shown(watched))
    assert same(watched.state_dict(), unwatched.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("network", ["D", "G"])
def test_a_look_between_two_stages_changes_nothing(network: Any) -> None:
    config = plane(generator_batch_norm=True, discriminator_batch_norm=True)
    watched, unwatched = trained(config, 3), trained(config, 3)
    watch = PointsDiagnostics(watched)
    for _ in watched.walk(network):
        watch.view(watched, shown(watched))
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


def test_a_run_in_the_plane_reports_it(tmp_path: Path) -> None:
    run = worker(tmp_path, plane())
    run.handle(Step(3))
    snapshot = run.report().snapshot
    assert snapshot is not None
    assert snapshot.fake.shape == snapshot.real.shape == (400, 2)
    expected = view(trained(plane(), 3), snapshot.fake)
    assert snapshot.points is not None
    assert np.array_equal(snapshot.points.scores, expected.scores)
    assert np.array_equal(snapshot.points.sample_gradient, expected.sample_gradient)
    assert snapshot.points.divergence == expected.divergence


def test_a_run_of_pictures_reports_no_plane(tmp_path: Path) -> None:
    config = GANConfig(device="cpu", generator_hidden=(8,), discriminator_hidden=(8,), latent_dim=2)
    snapshot = worker(tmp_path, config).report().snapshot
    assert snapshot is not None
    assert snapshot.points is None
    assert snapshot.fake.shape == (36, 28, 28)


def test_a_run_that_diverges_keeps_the_last_healthy_plane(tmp_path: Path) -> None:
    run = worker(tmp_path, plane(**BROKEN, loss="wasserstein_gp", gradient_penalty=1000.0))
    run.handle(Play())
    for _ in range(200):
        run.advance(0)
        snapshot = run.report().snapshot
    assert run.state == "failed"
    assert snapshot is not None
    assert snapshot.points is not None
    assert np.isfinite(snapshot.points.scores).all()


def test_weights_that_have_just_broken_show_no_plane() -> None:
    for network in ("generator", "discriminator"):
        trainer = Trainer(plane())
        getattr(trainer, network)[0].bias.data[3] = math.nan
        assert PointsDiagnostics(trainer).view(trainer, shown(trainer)) is None
