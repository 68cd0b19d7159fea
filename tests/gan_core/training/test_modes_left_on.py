"""Modes that a user leaves on change no update, on any engine."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch

from gan_core import Trainer
from gan_core.sampling import generate, sample_noise
from tests.gan_core.support import same
from tests.gan_core.training.engines.makers import made, on_every_engine, trained

LEFT_ON: dict[str, Callable[[Trainer], object]] = {
    "generator.eval()": lambda trainer: trainer.generator.eval(),
    "one layer in eval mode": lambda trainer: trainer.generator[2].eval(),
    "both in eval mode": lambda trainer: (trainer.generator.eval(), trainer.discriminator.eval()),
    "frozen discriminator": lambda trainer: trainer.discriminator.requires_grad_(False),
    "frozen first layer": lambda trainer: trainer.generator[0].requires_grad_(False),
}
AROUND: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "nothing": nullcontext,
}


@on_every_engine
@pytest.mark.parametrize("mode", LEFT_ON)
def test_a_mode_left_on_changes_no_weight(engine: str, mode: str) -> None:
    usual, other = made(engine), made(engine)
    for iteration in range(7):
        usual.step()
        if iteration != 1:
            LEFT_ON[mode](other)
        other.step()
        assert same(usual.state_dict(), other.state_dict()), iteration
    for network in ("D", "G"):
        usual.update(network)  # type: ignore[arg-type]
        LEFT_ON[mode](other)
        other.update(network)  # type: ignore[arg-type]
    assert same(usual.state_dict(), other.state_dict())
    assert all(module.training for module in (*other.generator.modules(), *other.discriminator.modules()))


@pytest.mark.parametrize("mode", LEFT_ON)
def test_a_mode_switched_on_between_two_stages_changes_no_weight(mode: str) -> None:
    settings = {"loss": "wasserstein_gp", "discriminator_batch_norm": True}
    usual, other = made("autograd", **settings), made("autograd", **settings)
    usual.step()
    for turn in other.turns():
        for stage in other.walk_turn(turn):
            if "frozen" not in mode or stage.name == "update":
                LEFT_ON[mode](other)
    other.finish_iteration()
    assert same(usual.state_dict(), other.state_dict())


@on_every_engine
@pytest.mark.parametrize("mode", AROUND)
@pytest.mark.parametrize("loss", ["bce", "least_squares", "penalised"])
def test_a_context_around_the_training_changes_no_weight(engine: str, mode: str, loss: str) -> None:
    if loss == "penalised":
        loss = "hinge" if engine == "manual" else "wasserstein_gp"
    usual = trained(made(engine, loss=loss))
    with AROUND[mode]():
        other = made(engine, loss=loss)
        metrics = [other.step() for _ in range(3)]
        assert all(torch.isfinite(value) for value in metrics[-1] if not value.isnan())
    for _ in range(4):
        with AROUND[mode]():
            other.step()
    assert same(usual.state_dict(), other.state_dict())


def test_samples_leave_the_networks_in_training_mode() -> None:
    trainer = made("manual")
    trainer.generator.eval()
    generate(trainer, sample_noise(0, 3, trainer.config))
    assert trainer.generator.training
