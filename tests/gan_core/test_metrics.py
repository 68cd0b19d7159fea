"""The metrics of an iteration equal those computed here from its tensors."""

import copy
import math

import pytest
import torch

from gan_core.metrics import COLUMNS
from gan_core.training.metrics_buffer import MetricsBuffer
from tests.gan_core.support import Recorded, points, tiny, tiny_trainer


class GradientNorms(Recorded):
    """Keeps the norm of each update's gradient, computed in float64."""

    def walk(self, network):  # type: ignore[no-untyped-def]
        module = self.discriminator if network == "D" else self.generator
        for stage in super().walk(network):
            if stage.name == "gradients":
                parts = [parameter.grad.double().flatten() for parameter in module.parameters()]
                self.norms[network] = math.sqrt(float(torch.cat(parts).square().sum()))
            yield stage

    def recorded_step(self):  # type: ignore[no-untyped-def]
        self.norms: dict[str, float] = {}
        self.seen.clear()
        return self.step()


def share(logits: torch.Tensor, loss: str, above: bool) -> float:
    """Return the share of logits above, or not above, the loss's threshold; NaN for Wasserstein."""
    if loss == "wasserstein_gp":
        return math.nan
    threshold = 0.5 if loss == "least_squares" else 0.0
    matches = [(logit > threshold) == above for logit in logits.flatten().tolist()]
    return sum(matches) / len(matches)


@pytest.mark.parametrize("loss", ["bce", "least_squares", "wasserstein_gp", "hinge"])
@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
def test_metrics_equal_those_computed_from_the_tensors_of_all_stages(order: str, loss: str) -> None:
    config = tiny(update_order=order, loss=loss, d_steps=2, g_steps=3, discriminator_batch_norm=True)
    trainer = GradientNorms(config, points())
    trainer.recorded_step()
    metrics = trainer.recorded_step()
    score = torch.sigmoid if loss == "bce" else torch.clone

    last = {(network, name): tensors for network, name, tensors in trainer.seen}
    expected = {
        "loss_d": last["D", "loss"]["loss"],
        "loss_d_real": last["D", "loss"]["real_part"],
        "loss_d_fake": last["D", "loss"]["fake_part"],
        "loss_g": last["G", "loss"]["loss"],
        "d_real": score(last["D", "scores"]["real_logits"]).mean(),
        "d_fake": score(last["G", "scores"]["fake_logits"]).mean(),
        "grad_norm_d": trainer.norms["D"],
        "grad_norm_g": trainer.norms["G"],
        "accuracy_real": share(last["D", "scores"]["real_logits"], loss, above=True),
        "accuracy_fake": share(last["D", "scores"]["fake_logits"], loss, above=False),
    }
    # BatchNorm in train mode, on copies because it changes their statistics.
    generator, discriminator = copy.deepcopy(trainer.generator), copy.deepcopy(trainer.discriminator)
    with torch.no_grad():
        expected["d_fake_after"] = score(discriminator(generator(last["G", "noise"]["noise"]))).mean()

    assert set(expected) == set(COLUMNS)
    for name, value in expected.items():
        assert float(getattr(metrics, name)) == pytest.approx(float(value), rel=1e-5, abs=1e-7, nan_ok=True), name
    if loss in ("bce", "least_squares"):
        assert float(metrics.loss_d) == pytest.approx((float(metrics.loss_d_real) + float(metrics.loss_d_fake)) / 2)


def test_a_g_step_raises_d_fake_on_its_noise() -> None:
    """D is frozen by a learning rate of 0."""
    metrics = tiny_trainer(learning_rate_d=0.0, g_steps=1, learning_rate_g=1e-3).step()
    assert metrics.d_fake_after > metrics.d_fake


def test_last_losses_are_those_of_the_last_step() -> None:
    trainer = tiny_trainer(g_steps=1)
    metrics = trainer.step()
    assert trainer.last_losses("D") == {
        name: float(getattr(metrics, name)) for name in ("loss_d", "loss_d_real", "loss_d_fake", "d_real")
    }
    assert trainer.last_losses("G") == {name: float(getattr(metrics, name)) for name in ("loss_g", "d_fake")}


def test_the_buffer_returns_each_row_once() -> None:
    trainer, buffer = tiny_trainer(), MetricsBuffer(torch.device("cpu"), capacity=4)
    expected = []
    for _ in range(4):
        assert buffer.room
        metrics = trainer.step()
        buffer.append(metrics)
        expected.append([float(value) for value in metrics])
    assert not buffer.room
    rows = buffer.take()
    assert rows.tolist() == expected
    assert buffer.room
    assert buffer.take().shape == (0, len(COLUMNS))
    buffer.append(trainer.step())
    assert rows.tolist() == expected  # taken rows are a copy
    assert buffer.take().shape == (1, len(COLUMNS))
