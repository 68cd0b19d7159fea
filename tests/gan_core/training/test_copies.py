"""Copies and pickles of a trainer train like the original, and do not disturb it."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gan_core import Trainer
from tests.gan_core.support import same, tiny_trainer
from tests.gan_core.training.engines.makers import ITERATIONS, made, on_every_engine, trained

COPIES: dict[str, Callable[[Trainer], Trainer]] = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "deepcopy of a list": lambda trainer: copy.deepcopy([trainer, trainer])[1],
    "deepcopy of a deepcopy": lambda trainer: copy.deepcopy(copy.deepcopy(trainer)),
}


@on_every_engine
@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("before", [0, 1, ITERATIONS])
def test_a_copy_trains_like_the_original_and_does_not_disturb_it(engine: str, how: str, before: int) -> None:
    usual, original = trained(made(engine), before), trained(made(engine), before)
    twin = COPIES[how](original)
    assert twin.engine.name == engine
    assert same(twin.state_dict(), usual.state_dict())
    for _ in range(ITERATIONS):  # in turns: each must keep to its own memory
        metrics = [trainer.step() for trainer in (usual, twin, original)]
        assert same(metrics[0], metrics[1])
        assert same(metrics[0], metrics[2])
    for trainer in (usual, twin, original):
        trainer.update("D")
        trainer.reconfigure(trainer.config.replace(leaky_slope=0.1, learning_rate_g=0.01))
        trained(trainer)
    assert same(twin.state_dict(), usual.state_dict())
    assert same(original.state_dict(), usual.state_dict())


@on_every_engine
def test_training_a_copy_alone_leaves_the_original_where_it_was(engine: str) -> None:
    original = trained(made(engine))
    before, measured = original.state_dict(), copy.deepcopy(original.measured)
    gradients = [parameter.grad.clone() for parameter in original.generator.parameters()]  # type: ignore[union-attr]
    twin = copy.deepcopy(original)
    assert same([parameter.grad for parameter in twin.generator.parameters()], gradients)
    trained(twin)
    assert same(original.state_dict(), before)
    assert same(original.measured, measured)
    assert same([parameter.grad for parameter in original.generator.parameters()], gradients)
    assert twin.dataset is original.dataset, "nothing writes to it"


@pytest.mark.parametrize("changes", [{}, {"optimizer_g": "sgd", "sgd_momentum": 0.9}, {"loss": "wasserstein_gp"}])
def test_a_pickled_trainer_trains_on_like_the_original(changes: dict[str, object], tmp_path: Path) -> None:
    original = trained(tiny_trainer(**changes))
    other = pickle.loads(pickle.dumps(original))
    torch.save(original, tmp_path / "trainer.pt")
    saved = torch.load(tmp_path / "trainer.pt", weights_only=False)
    for trainer in (original, other, saved):
        trained(trainer)
    assert same(other.state_dict(), original.state_dict())
    assert same(saved.state_dict(), original.state_dict())
