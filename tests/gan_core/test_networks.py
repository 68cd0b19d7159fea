"""The two networks, layer by layer."""

import pytest
import torch
from torch import nn

from gan_core import GANConfig
from gan_core.networks import batch_statistics_only, build_network, frozen
from tests.gan_core.support import copied, same, tiny


def layers(network: nn.Sequential) -> list[object]:
    """Return each layer as in the lecture's table."""
    described: list[object] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            assert layer.bias is not None
            described.append((layer.in_features, layer.out_features))
        elif isinstance(layer, nn.LeakyReLU):
            described.append(("LeakyReLU", layer.negative_slope))
        elif isinstance(layer, nn.BatchNorm1d):
            assert layer.affine
            assert layer.eps == 1e-5
            described.append(("BatchNorm", layer.num_features, layer.momentum))
        else:
            described.append(type(layer).__name__)
    return described


def test_default_networks_are_the_lectures() -> None:
    leaky = ("LeakyReLU", 0.2)
    assert layers(build_network(GANConfig(), "G", 784)) == [
        (100, 256), leaky, ("BatchNorm", 256, 0.7),
        (256, 512), leaky, ("BatchNorm", 512, 0.7),
        (512, 1024), leaky, ("BatchNorm", 1024, 0.7),
        (1024, 784), "Tanh",
    ]  # fmt: skip
    assert layers(build_network(GANConfig(), "D", 784)) == [(784, 512), leaky, (512, 256), leaky, (256, 1)]


def test_networks_follow_the_settings() -> None:
    config = tiny(
        generator_hidden=(7,), generator_batch_norm=False, discriminator_hidden=(5, 3), discriminator_batch_norm=True,
        batch_norm_position="before_activation", batch_norm_momentum=0.25, leaky_slope=0.0,
    )  # fmt: skip
    leaky = ("LeakyReLU", 0.0)
    assert layers(build_network(config, "G", 6)) == [(4, 7), leaky, (7, 6), "Tanh"]
    assert layers(build_network(config, "D", 6)) == [
        (6, 5), ("BatchNorm", 5, 0.25), leaky, (5, 3), ("BatchNorm", 3, 0.25), leaky, (3, 1),
    ]  # fmt: skip


def test_initial_weights_are_distributed_as_pytorchs() -> None:
    """torch.nn.Linear draws weights and biases uniformly from ±1/√inputs; BatchNorm starts as the identity."""
    generator = build_network(GANConfig(), "G", 784)
    for layer in generator:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            for values in (layer.weight, layer.bias):
                assert 0.9 * bound < values.abs().max() <= bound
            assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
        elif isinstance(layer, nn.BatchNorm1d):
            assert layer.weight.eq(1).all()
            assert layer.bias.eq(0).all()


def test_batch_statistics_only_normalises_as_in_training_without_changing_statistics() -> None:
    network = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5, momentum=0.7))
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    before = copied(network)
    with batch_statistics_only(network):
        shown = network(inputs)
    assert same(copied(network), before)
    assert torch.equal(shown, network(inputs))
    assert not same(copied(network), before)  # after the context, a forward pass changes the statistics again


def test_frozen_passes_gradients_through_and_computes_none_of_its_parameters() -> None:
    network = nn.Linear(3, 1)
    inputs = torch.ones(2, 3, requires_grad=True)
    with frozen(network):
        output = network(inputs).sum()
    output.backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, network.weight.detach().expand(2, 3))
    assert network.weight.grad is None
    assert all(parameter.requires_grad for parameter in network.parameters())
