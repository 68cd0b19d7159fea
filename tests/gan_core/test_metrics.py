"""The numbers of an iteration, each computed here a second time."""

import copy
import math

import pytest
import torch

from gan_core.metrics import COLUMNS
from gan_core.training.metrics_buffer import MetricsBuffer
from tests.gan_core.support import Recorded, points, tiny, tiny_trainer


class Gradients(Recorded):
    """Keeps the length of each update's gradient, taken over all parameters as one vector in float64."""

    def walk(self, network):  # type: ignore[no-untyped-def]
        module = self.discriminator if network == "D" else self.generator
        for stage in super().walk(network):
            if stage.name == "gradients":
                parts = [parameter.grad.double().flatten() for parameter in module.parameters()]
                self.lengths[network] = math.sqrt(float(torch.cat(parts).square().sum()))
            yield stage

    def watched_step(self):  # type: ignore[no-untyped-def]
        self.lengths: dict[str, float] = {}
        self.seen.clear()
        return self.step()


def share(logits: torch.Tensor, loss: str, above: bool) -> float:
    """Share of logits on this side of what the loss takes for the border; NaN for Wasserstein's."""
    if loss == "wasserstein_gp":
        return math.nan
    border = 0.5 if loss == "least_squares" else 0.0
    on_this_side = [(logit > border) == above for logit in logits.flatten().tolist()]
    return sum(on_this_side) / len(on_this_side)


@pytest.mark.parametrize("loss", ["bce", "least_squares", "wasserstein_gp", "hinge"])
@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
def test_metrics_are_what_their_names_say(order: str, loss: str) -> None:
    config = tiny(update_order=order, loss=loss, d_steps=2, g_steps=3, discriminator_batch_norm=True)
    trainer = Gradients(config, points())
    trainer.watched_step()
    metrics = trainer.watched_step()
    score = torch.sigmoid if loss == "bce" else torch.clone

    last = {(network, name): tensors for network, name, tensors in trainer.seen}
    expected = {
        "loss_d": last["D", "loss"]["loss"],
        "loss_d_real": last["D", "loss"]["real_part"],
        "loss_d_fake": last["D", "loss"]["fake_part"],
        "loss_g": last["G", "loss"]["loss"],
        "d_real": score(last["D", "scores"]["real_logits"]).mean(),
        "d_fake": score(last["G", "scores"]["fake_logits"]).mean(),
        "grad_norm_d": trainer.lengths["D"],
        "grad_norm_g": trainer.lengths["G"],
        "accuracy_real": share(last["D", "scores"]["real_logits"], loss, above=True),
        "accuracy_fake": share(last["D", "scores"]["fake_logits"], loss, above=False),
    }
    # BatchNorm as in training; a copy, whose statistics may change.
    generator, discriminator = copy.deepcopy(trainer.generator), copy.deepcopy(trainer.discriminator)
    with torch.no_grad():
        expected["d_fake_after"] = score(discriminator(generator(last["G", "noise"]["noise"]))).mean()

    assert set(expected) == set(COLUMNS)
    for name, value in expected.items():
        assert float(getattr(metrics, name)) == pytest.approx(float(value), rel=1e-5, abs=1e-7, nan_ok=True), name
    if loss in ("bce", "least_squares"):
        assert float(metrics.loss_d) == pytest.approx((float(metrics.loss_d_real) + float(metrics.loss_d_fake)) / 2)


def test_a_g_step_raises_d_fake() -> None:
    """With D frozen, one small step of G on its own noise must raise D(G(z)) there."""
    metrics = tiny_trainer(learning_rate_d=0.0, g_steps=1, learning_rate_g=1e-3).step()
    assert metrics.d_fake_after > metrics.d_fake


def test_last_losses() -> None:
    trainer = tiny_trainer(g_steps=1)
    metrics = trainer.step()
    assert trainer.last_losses("D") == {
        name: float(getattr(metrics, name)) for name in ("loss_d", "loss_d_real", "loss_d_fake", "d_real")
    }
    assert trainer.last_losses("G") == {name: float(getattr(metrics, name)) for name in ("loss_g", "d_fake")}


def test_the_buffer_gives_back_the_rows_in_blocks() -> None:
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
    assert rows.tolist() == expected  # what was taken is a copy
    assert buffer.take().shape == (1, len(COLUMNS))
