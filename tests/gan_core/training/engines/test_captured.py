"""What a user replaces in a trainer trains, on every engine: no engine goes on with what it has captured."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from gan_core import Trainer
from tests.gan_core.support import same
from tests.gan_core.training.engines.makers import made, on_every_engine, trained


def _halved_data(trainer: Trainer) -> None:
    for parameter in trainer.generator.parameters():
        parameter.data = parameter.data / 2


def _from_a_vector(trainer: Trainer) -> None:
    parameters = list(trainer.discriminator.parameters())
    vector_to_parameters(parameters_to_vector(parameters) * 0.9, parameters)


def _another_optimiser(trainer: Trainer) -> None:
    trainer.optimizer_d = torch.optim.Adam(trainer.discriminator.parameters(), lr=0.01, betas=(0.5, 0.999), fused=True)


def _another_kind_of_optimiser(trainer: Trainer) -> None:
    trainer.optimizer_g = torch.optim.RMSprop(trainer.generator.parameters(), lr=0.001)


def _weight_decay(trainer: Trainer) -> None:
    trainer.optimizer_g.param_groups[0]["weight_decay"] = 0.1


def _slope(trainer: Trainer) -> None:
    trainer.generator[1].negative_slope = 0.5


def _momentum(trainer: Trainer) -> None:
    trainer.generator[2].momentum = 0.01


def _statistics(trainer: Trainer) -> None:
    trainer.generator[2].running_mean = torch.full((16,), 3.0)


def _a_layer(trainer: Trainer) -> None:
    """A new activation, and a layer whose weights the optimiser holds from now on."""
    trainer.discriminator[1] = nn.ReLU()
    new = nn.Linear(16, 1)
    nn.init.constant_(new.weight, 0.1)
    nn.init.zeros_(new.bias)
    trainer.discriminator[2] = new
    _another_optimiser(trainer)


def _a_network(trainer: Trainer) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trainer.generator = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.3), nn.Linear(8, 6), nn.Tanh())
    trainer.optimizer_g = torch.optim.Adam(trainer.generator.parameters(), lr=0.001, betas=(0.5, 0.999), fused=True)


REPLACE: list[Callable[[Trainer], None]] = [
    _halved_data, _from_a_vector, _another_optimiser, _another_kind_of_optimiser, _weight_decay, _slope, _momentum,
    _statistics, _a_layer, _a_network,
]  # fmt: skip


@on_every_engine
@pytest.mark.parametrize("replace", REPLACE)
@pytest.mark.parametrize("before", [0, 6])
def test_replaced_parts_train_as_on_the_reference_path(
    engine: str, replace: Callable[[Trainer], None], before: int
) -> None:
    reference, trainer = trained(made("autograd"), before), trained(made(engine), before)
    for one in (reference, trainer):
        replace(one)
    weights = [parameter.detach().clone() for parameter in trainer.generator.parameters()]
    for one in (reference, trainer):
        trained(one, 6)
    for network in ("generator", "discriminator"):
        assert same(dict(getattr(trainer, network).state_dict()), dict(getattr(reference, network).state_dict()))
    assert not same(weights, list(trainer.generator.parameters()))


def test_the_manual_engine_stays_while_nothing_is_replaced() -> None:
    trainer = made("manual")
    state = trained(trainer).state_dict()
    trainer.load_state_dict(state)
    trainer.generator.eval()
    trainer.optimizer_g.param_groups[0]["lr"] = 0.01  # read in each step
    engine = trainer.engine
    assert trained(trainer).engine is engine
