"""The drawing of a network."""

import pytest

from dashboard.charts.network import drawing
from gan_core.config import GANConfig
from gan_core.networks import build_network


@pytest.mark.parametrize("settings", [{}, {"generator_batch_norm": False, "discriminator_batch_norm": True}])
def test_the_drawing_counts_the_weights_of_the_built_networks(settings: dict[str, bool]) -> None:
    config = GANConfig(**settings)  # type: ignore[arg-type]
    for network, module in (("G", build_network(config, "G", 784)), ("D", build_network(config, "D", 784))):
        drawn = drawing(config, network, 784)  # type: ignore[arg-type]
        assert drawn.weights == sum(parameter.numel() for parameter in module.parameters())
    assert drawing(config, "G", 784).sizes == (100, 256, 512, 1024, 784)
    assert drawing(config, "D", 784).sizes == (784, 512, 256, 1)
