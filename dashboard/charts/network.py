"""GANConfig → the drawing of a network: its layers and the number of its weights."""

from dataclasses import dataclass
from itertools import pairwise

from gan_core.config import GANConfig, Network


@dataclass(frozen=True)
class Drawing:
    """A network from input to output.

    ``sizes``: values that flow between the layers, input first. ``weights``: trainable parameters in all.
    """

    sizes: tuple[int, ...]
    weights: int


def drawing(config: GANConfig, network: Network, features: int) -> Drawing:
    """Return the drawing of one network for samples of ``features`` values."""
    hidden = config.generator_hidden if network == "G" else config.discriminator_hidden
    normed = config.generator_batch_norm if network == "G" else config.discriminator_batch_norm
    ends = (config.latent_dim, features) if network == "G" else (features, 1)
    sizes = (ends[0], *hidden, ends[1])
    linear = sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes))
    return Drawing(sizes, linear + (2 * sum(hidden) if normed else 0))
