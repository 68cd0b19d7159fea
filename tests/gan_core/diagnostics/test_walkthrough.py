"""A walk trains like a step, and its views are right."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_core.config import GANConfig
from gan_core.diagnostics.measures import drifts, inactive_units
from gan_core.diagnostics.views import StageView
from gan_core.diagnostics.walkthrough import SHOWN, Walkthrough
from gan_core.training.gan import STAGES
from gan_core.training.trainer import Trainer

SMALL = GANConfig(
    generator_hidden=(12, 9), discriminator_hidden=(10,), latent_dim=5, batch_size=16, discriminator_batch_norm=True
)
ORDERS = ("d_first", "g_first", "simultaneous")


def walked(trainer: Trainer) -> list[StageView]:
    """Return the views of all stages of the next iteration."""
    walk, views = Walkthrough(trainer), []
    while not walk.finished:
        views.append(walk.advance())
    return views


def same(left: Trainer, right: Trainer) -> bool:
    """Return whether all state of two trainers is equal bit for bit."""
    pairs = [(left.state_dict(), right.state_dict())]
    while pairs:
        a, b = pairs.pop()
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            pairs += [(a[key], b[key]) for key in a]
        elif isinstance(a, (list, tuple)):
            pairs += list(zip(a, b, strict=True))
        elif isinstance(a, torch.Tensor):
            if not torch.equal(a, b):
                return False
        elif a != b:
            return False
    return True


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("steps", [(1, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("loss", ["bce", "wasserstein_gp"])
def test_a_walked_iteration_ends_in_the_same_state_as_a_step(order: str, steps: tuple[int, int], loss: str) -> None:
    config = SMALL.replace(update_order=order, d_steps=steps[0], g_steps=steps[1], loss=loss)
    stepped, walked_trainer = Trainer(config), Trainer(config)
    for _ in range(3):
        stepped.step()
        views = walked(walked_trainer)
        assert len(views) == len(STAGES) * sum(steps)
    assert same(stepped, walked_trainer)
    assert walked_trainer.iteration == 3


@pytest.mark.parametrize("stages", [0, 1, 5, 7, 9, 20])
def test_finishing_from_any_stage_ends_in_the_same_state(stages: int) -> None:
    stepped, by_turn, at_once = Trainer(SMALL), Trainer(SMALL), Trainer(SMALL)
    expected = stepped.step()
    for trainer, finish in ((by_turn, "turn"), (at_once, "all")):
        walk = Walkthrough(trainer)
        for _ in range(stages):
            walk.advance()
        if finish == "turn":
            while not walk.finished:
                walk.finish_turn()
            metrics = walk.metrics
        else:
            metrics = walk.finish()
        assert metrics is not None
        assert [float(value) for value in metrics] == [float(value) for value in expected]
        assert same(stepped, trainer)


def test_advancing_a_finished_walk_raises_runtime_error() -> None:
    walk = Walkthrough(Trainer(SMALL))
    walk.finish()
    with pytest.raises(RuntimeError, match="finished"):
        walk.advance()


def test_stages_come_in_the_configured_order() -> None:
    trainer = Trainer(SMALL.replace(update_order="g_first", g_steps=2, d_steps=1))
    views = walked(trainer)
    assert [(view.network, view.turn) for view in views] == [("G", 0)] * 7 + [("G", 1)] * 7 + [("D", 2)] * 7
    assert [view.stage for view in views] == list(STAGES) * 3
    together = walked(Trainer(SMALL.replace(update_order="simultaneous", g_steps=1)))
    assert [(view.network, view.stage) for view in together[-2:]] == [("D", "update"), ("G", "update")]
    assert [view.network for view in together[:12]] == ["D"] * 6 + ["G"] * 6


class Plain:
    """A copy of a trainer and its next batches, to compute an update in plain PyTorch."""

    def __init__(self, trainer: Trainer) -> None:
        copy = Trainer(trainer.config)
        copy.load_state_dict(trainer.state_dict())
        self.g, self.d, self.copy = copy.generator, copy.discriminator, copy
        self.real, self.noise_d, self.noise_g = copy.draw_real(), copy.draw_noise("noise_d"), copy.draw_noise("noise_g")
        self.ones, self.zeros = torch.ones(16, 1), torch.zeros(16, 1)


def norm_of(parameters: list[torch.Tensor]) -> float:
    return math.sqrt(sum(float((value.double() ** 2).sum()) for value in parameters))


def test_the_views_of_a_d_update_equal_plain_pytorch() -> None:
    trainer = Trainer(SMALL.replace(update_order="d_first"))
    for _ in range(3):
        trainer.step()
    plain = Plain(trainer)
    fake = plain.g(plain.noise_d).detach()
    real_logits, fake_logits = plain.d(plain.real), plain.d(fake)
    real_part, fake_part = bce(real_logits, plain.ones), bce(fake_logits, plain.zeros)
    plain.copy.optimizer_d.zero_grad()
    ((real_part + fake_part) / 2).backward()
    gradients = [parameter.grad.clone() for parameter in plain.d.parameters()]  # type: ignore[union-attr]
    before = [parameter.detach().clone() for parameter in plain.d.parameters()]
    plain.copy.optimizer_d.step()
    moved = [after.detach() - start for after, start in zip(plain.d.parameters(), before, strict=True)]

    views = {view.stage: view for view in walked(trainer)[:7]}
    last = views["update"]
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(last.real, plain.real[:SHOWN].reshape(-1, 28, 28), **close)
    np.testing.assert_allclose(last.fake, fake[:SHOWN].reshape(-1, 28, 28), **close)
    np.testing.assert_allclose(last.noise, plain.noise_d[:SHOWN], **close)
    np.testing.assert_allclose(last.real_logits, real_logits.detach().ravel(), **close)
    np.testing.assert_allclose(last.fake_logits, fake_logits.detach().ravel(), **close)
    assert last.losses == pytest.approx(
        {"real_part": float(real_part.detach()), "fake_part": float(fake_part.detach()),
         "loss": float((real_part + fake_part).detach()) / 2}, rel=1e-5,
    )  # fmt: skip
    assert last.discriminator.gradient == pytest.approx(norm_of(gradients), rel=1e-4)
    assert last.discriminator.change == pytest.approx(norm_of(moved), rel=1e-4)
    first_layer = last.discriminator.layers[0]
    assert first_layer.name == "Linear 784→10"
    assert first_layer.gradient == pytest.approx(norm_of(gradients[:2]), rel=1e-4)
    assert first_layer.change == pytest.approx(norm_of(moved[:2]), rel=1e-4)
    # At every stage, the change of unchanged weights is 0.
    assert last.generator.change == 0
    assert views["gradients"].discriminator.change == 0
    assert views["zero_grad"].discriminator.gradient is None
    assert views["loss"].discriminator.gradient is not None, "the last update's stays until zero_grad"
    assert last.generator.gradient is not None, "D's update keeps G's gradients"
    assert last.sample_gradient is None


def test_the_views_of_a_g_update_equal_plain_pytorch_sample_gradient_included() -> None:
    trainer = Trainer(SMALL.replace(update_order="g_first", g_steps=1))
    trainer.step()
    plain = Plain(trainer)
    fake = plain.g(plain.noise_g)
    fake.retain_grad()
    loss = bce(plain.d(fake), plain.ones)
    plain.copy.optimizer_g.zero_grad()
    loss.backward()
    views = {view.stage: view for view in walked(trainer)[:7]}
    close = {"rtol": 1e-4, "atol": 1e-7}
    assert views["update"].losses["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
    assert views["scores"].sample_gradient is None
    assert fake.grad is not None
    np.testing.assert_allclose(views["gradients"].sample_gradient, -fake.grad[:SHOWN].reshape(-1, 28, 28), **close)
    gradients = [parameter.grad for parameter in plain.g.parameters()]
    assert views["update"].generator.gradient == pytest.approx(norm_of(gradients), rel=1e-4)  # type: ignore[arg-type]
    assert views["update"].generator.change > 0
    assert views["update"].discriminator.change == 0


def test_moving_fakes_along_the_sample_gradient_lowers_gs_loss() -> None:
    trainer = Trainer(SMALL.replace(update_order="g_first", discriminator_batch_norm=False, batch_size=SHOWN))
    trainer.step()
    walk = Walkthrough(trainer)
    while (view := walk.advance()).stage != "gradients":
        pass
    assert view.network == "G"
    assert view.fake is not None
    assert view.sample_gradient is not None
    fake, gradient = (torch.from_numpy(values).reshape(SHOWN, -1) for values in (view.fake, view.sample_gradient))
    with torch.no_grad():  # the walk has not changed D since it computed the gradient
        before, after = (bce(trainer.discriminator(x), torch.ones(SHOWN, 1)) for x in (fake, fake + 0.5 * gradient))
    assert float(after) < float(before)


def test_the_train_eval_comparison_shows_three_modes_of_batch_norm() -> None:
    trainer = Trainer(SMALL)
    for _ in range(3):
        trainer.step()
    copy = Trainer(SMALL)
    copy.load_state_dict(trainer.state_dict())
    copy.draw_real()
    noise = copy.draw_noise("noise_d")
    view = next(view for view in walked(trainer) if view.stage == "fake")
    comparison = view.train_eval
    assert comparison is not None
    assert view.fake is not None
    np.testing.assert_array_equal(comparison.train, view.fake)
    # The walk's forward pass has changed the running statistics; the copy needs the same change.
    with torch.no_grad():
        copy.generator(noise)
        copy.generator.eval()
        by_running = copy.generator(noise[:SHOWN]).reshape(-1, 28, 28)
    np.testing.assert_allclose(comparison.eval, by_running, atol=1e-6)
    assert comparison.alone is None
    assert "Expected more than 1 value per channel" in comparison.refusal
    assert [drift.name for drift in comparison.drifts] == ["BatchNorm 12", "BatchNorm 9"]


def test_without_batch_norm_train_and_eval_mode_are_equal() -> None:
    trainer = Trainer(SMALL.replace(generator_batch_norm=False))
    comparison = next(view for view in walked(trainer) if view.stage == "fake").train_eval
    assert comparison is not None
    assert comparison.alone is not None
    np.testing.assert_allclose(comparison.alone, comparison.train, atol=1e-6)
    np.testing.assert_allclose(comparison.eval, comparison.train, atol=1e-6)
    assert (comparison.refusal, comparison.drifts) == ("", ())


def test_the_drift_of_equal_statistics_is_0_with_ratio_1() -> None:
    inputs = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    norm = nn.BatchNorm1d(3)
    norm.running_mean = inputs.mean(dim=0)
    norm.running_var = inputs.var(dim=0)
    (agreed,) = drifts(nn.Sequential(norm), inputs)
    assert (agreed.mean, agreed.deviation) == (0, 1)
    norm.running_mean = inputs.mean(dim=0) + 2 * (inputs.var(dim=0) + norm.eps).sqrt()
    norm.running_var = 9 * inputs.var(dim=0)
    (apart,) = drifts(nn.Sequential(norm), inputs)
    assert (apart.mean, apart.deviation) == (pytest.approx(2), pytest.approx(3, rel=1e-4))


def test_units_are_inactive_with_slope_0_and_not_with_the_lectures() -> None:
    linear = nn.Linear(2, 4)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 0], [-1.0, 0], [0, 1.0], [0, 0]]))
        linear.bias.copy_(torch.tensor([0.0, 0.0, -10.0, -1.0]))
    inputs = torch.tensor([[1.0, 1.0], [2.0, -1.0]])  # units 2, 3 and 4 are negative for both
    assert inactive_units(nn.Sequential(linear, nn.LeakyReLU(0.0)), inputs) == {"0": 0.75}
    assert inactive_units(nn.Sequential(linear, nn.LeakyReLU(0.2)), inputs) == {"0": 0.0}


def test_a_walk_reports_the_share_of_inactive_units() -> None:
    dead = SMALL.replace(leaky_slope=0.0, generator_batch_norm=False, discriminator_batch_norm=False)
    for config, expected in ((dead, True), (dead.replace(leaky_slope=0.2), False)):
        trainer = Trainer(config)
        with torch.no_grad():
            trainer.generator[0].bias.fill_(-100.0)  # type: ignore[union-attr, operator]
        view = next(view for view in walked(trainer) if view.stage == "fake")
        assert (view.generator.layers[0].inactive == 1.0) == expected
        assert view.discriminator.layers[0].inactive is None, "D has not run yet"
