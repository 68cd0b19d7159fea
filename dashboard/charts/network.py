"""GANConfig → what a drawing of a network shows: the width of each layer, and how many weights they hold."""

from dataclasses import dataclass

from gan_core.architecture import layers, linear_layers, parameter_count
from gan_core.config import GANConfig, Network


@dataclass(frozen=True)
class Drawing:
    """A network from input to output.

    ``sizes``: values that flow between the layers, input first. ``weights``: trainable parameters in all.
    """

    sizes: tuple[int, ...]
    weights: int


def drawing(config: GANConfig, network: Network, features: int) -> Drawing:
    """The drawing of one network for samples of ``features`` values."""
    linear = linear_layers(config, network, features)
    sizes = (linear[0].inputs, *(layer.outputs for layer in linear))
    return Drawing(sizes, parameter_count(layers(config, network, features)))
