"""The networks' layers as data, against the networks that are built from them."""

import pytest
from torch import nn

from gan_core import GANConfig
from gan_core.architecture import (
    BatchNorm,
    LeakyReLU,
    Linear,
    Tanh,
    layers,
    linear_layers,
    mean_multiplications,
    parameter_count,
)
from gan_core.config import Network
from gan_core.networks import build_network
from tests.gan_core.support import tiny

CONFIGS = [
    GANConfig(),
    tiny(),
    tiny(discriminator_batch_norm=True, generator_batch_norm=True, batch_norm_position="before_activation"),
    tiny(generator_hidden=(7, 5), discriminator_hidden=(3,), leaky_slope=0.0, batch_norm_momentum=0.25),
]


@pytest.mark.parametrize("network", ["G", "D"])
@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_parameters_are_counted_as_pytorch_counts_them(config: GANConfig, network: Network) -> None:
    built = build_network(config, network, 6)
    assert parameter_count(layers(config, network, 6)) == sum(parameter.numel() for parameter in built.parameters())


@pytest.mark.parametrize("network", ["G", "D"])
@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_each_layers_code_makes_the_layer_that_is_built(config: GANConfig, network: Network) -> None:
    built = build_network(config, network, 6)
    for layer, module in zip(layers(config, network, 6), built, strict=True):
        made = eval(layer.code, {"nn": nn})
        assert repr(made) == repr(module)


def test_layers_of_the_lectures_generator() -> None:
    assert layers(GANConfig(generator_hidden=(256,)), "G", 784) == (
        Linear(100, 256), LeakyReLU(0.2), BatchNorm(256, 0.7), Linear(256, 784), Tanh(),
    )  # fmt: skip


def test_layers_of_a_discriminator_with_batch_norm_before_the_activation() -> None:
    config = tiny(discriminator_hidden=(5,), discriminator_batch_norm=True, batch_norm_position="before_activation")
    assert layers(config, "D", 6) == (Linear(6, 5), BatchNorm(5, 0.7), LeakyReLU(0.2), Linear(5, 1))


def test_linear_layers_and_the_mean_of_their_multiplications() -> None:
    config = GANConfig(latent_dim=3, generator_hidden=(5,), discriminator_hidden=(7,), batch_size=4)
    assert linear_layers(config, "G", 2) == (Linear(3, 5), Linear(5, 2))
    assert mean_multiplications(config, 2) == 4 * (3 * 5 + 5 * 2 + 2 * 7 + 7 * 1) / 4
