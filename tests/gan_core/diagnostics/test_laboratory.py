"""The laboratory's results are right, and it does not change the run."""

import pytest
import torch

from gan_core.config import GANConfig
from gan_core.diagnostics.laboratory import experiment
from gan_core.diagnostics.views import Switches
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.training.trainer import Trainer
from tests.gan_core.diagnostics.test_walkthrough import SMALL, same


@pytest.fixture
def trainer() -> Trainer:
    trainer = Trainer(SMALL.replace(discriminator_batch_norm=False, g_steps=1))
    for _ in range(2):
        trainer.step()
    return trainer


def test_an_experiment_does_not_change_the_run(trainer: Trainer) -> None:
    untouched = Trainer(trainer.config)
    untouched.load_state_dict(trainer.state_dict())
    gradients = [parameter.grad.clone() for parameter in trainer.generator.parameters() if parameter.grad is not None]
    for switches in (Switches(), Switches(detach=False, reuse_fakes=True), Switches(zero_grad=False, labels="zeros")):
        experiment(trainer, switches)
    assert same(trainer, untouched)
    after = [parameter.grad for parameter in trainer.generator.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(gradients, after, strict=True))  # type: ignore[arg-type]
    trainer.step()
    untouched.step()
    assert same(trainer, untouched)


def test_the_usual_blocks_equal_the_trainers_next_iteration(trainer: Trainer) -> None:
    d, g = experiment(trainer, Switches()).unchanged
    views = []
    walk = Walkthrough(trainer)
    while not walk.finished:
        views.append(walk.advance())
    steps = {view.network: view for view in views if view.stage == "update"}
    assert d.loss == pytest.approx(steps["D"].losses["loss"], rel=1e-5)
    assert g.loss == pytest.approx(steps["G"].losses["loss"], rel=1e-5)
    assert d.change_d == pytest.approx(steps["D"].discriminator.change, rel=1e-4)
    assert g.change_g == pytest.approx(steps["G"].generator.change, rel=1e-4)
    assert (d.change_g, g.change_d) == (0, 0)


def test_without_detach_ds_block_fills_gs_gradients() -> None:
    fresh = Trainer(SMALL)  # .grad is None everywhere
    detached, not_detached = (experiment(fresh, Switches(detach=detach)).blocks[0] for detach in (True, False))
    assert detached.gradient_g is None
    assert not_detached.gradient_g is not None
    assert not_detached.gradient_g > 0
    assert detached.change_g == not_detached.change_g == 0
    assert detached.loss == not_detached.loss


def test_without_detach_ds_block_fills_gs_gradients_after_training_too(trainer: Trainer) -> None:
    result = experiment(trainer, Switches(detach=False))
    assert result.unchanged[0].gradient_g is None
    assert result.blocks[0].gradient_g is not None


def test_without_zero_grad_gradients_add_up(trainer: Trainer) -> None:
    zeroed, summed = (experiment(trainer, Switches(zero_grad=zero)).blocks[0] for zero in (True, False))
    assert zeroed.gradient_d != summed.gradient_d
    assert zeroed.loss == summed.loss
    assert zeroed.change_d != summed.change_d


def test_labels_zeros_is_the_saturating_loss(trainer: Trainer) -> None:
    zeros = experiment(trainer, Switches(labels="zeros")).blocks[1]
    saturating = Trainer(trainer.config)
    saturating.load_state_dict(trainer.state_dict())
    saturating.reconfigure(saturating.config.replace(loss="bce_saturating"))
    assert zeros.loss == pytest.approx(float(saturating.step().loss_g), rel=1e-5)


def test_reusing_fakes_without_retain_graph_reports_pytorchs_error(trainer: Trainer) -> None:
    blocks = experiment(trainer, Switches(detach=False, reuse_fakes=True)).blocks
    assert blocks[0].error == ""
    assert blocks[1].error.startswith("Trying to backward through the graph a second time")
    assert blocks[1].loss is None
    assert blocks[1].change_g == 0
    kept = experiment(trainer, Switches(detach=False, reuse_fakes=True, retain_graph=True)).blocks
    assert [block.error for block in kept] == ["", ""]
    assert kept[1].change_g > 0


def test_an_experiment_within_a_walk_does_not_change_the_walk() -> None:
    trainer, straight = Trainer(GANConfig(**SMALL.model_dump())), Trainer(SMALL)
    walk = Walkthrough(trainer)
    for _ in range(6):
        walk.advance()
    experiment(trainer, Switches(detach=False))
    walk.finish()
    straight.step()
    assert same(trainer, straight)
