"""What an engine captures of a GAN when it is made: layers, the memory of their tensors, and constants.

PyTorch lets a user replace them at any time: by ``p.data = …``, ``vector_to_parameters``, ``generator[0] = …``,
``trainer.optimizer_g = …``. An engine that went on with what it captured would train tensors that nobody sees.
"""

from itertools import chain

import torch
from torch import nn

from gan_core.networks import BatchNorm1d
from gan_core.training.gan import GAN

CONSTANTS = ("negative_slope", "momentum", "eps")  # of layers
FLAGS = ("weight_decay", "amsgrad", "maximize")  # of Adam
PLAIN = (nn.Linear, nn.LeakyReLU, BatchNorm1d, nn.Tanh)


class Captured:
    """All that an engine may capture of ``gan``, without holding it."""

    def __init__(self, gan: GAN) -> None:
        self._optimizers = (gan.optimizer_g, gan.optimizer_d)
        self._layers = [*gan.generator, *gan.discriminator]
        # A layer's attributes as dictionaries: looking them up on the module takes ten times as long.
        held = [vars(layer) for layer in self._layers]
        self._tensors = [tensors for one in held for tensors in (one["_parameters"], one["_buffers"]) if tensors]
        self._constants = [(one, name) for one in held for name in CONSTANTS if name in one]
        self._before = self._now()

    def unchanged(self, gan: GAN) -> bool:
        """Return whether ``gan``, the one that this was made of, still has all of it."""
        return (
            (gan.optimizer_g, gan.optimizer_d) == self._optimizers
            and [*gan.generator, *gan.discriminator] == self._layers
            and self._now() == self._before
        )

    def _now(self) -> list[object]:
        found: list[object] = [tensor.data_ptr() for tensors in self._tensors for tensor in tensors.values()]
        found += [attributes[name] for attributes, name in self._constants]
        for optimizer in self._optimizers:
            found += [len(optimizer.param_groups), *map(optimizer.param_groups[0].get, FLAGS)]
        return found


def replaced(gan: GAN) -> tuple[str, ...]:
    """Return the names of what a user has replaced by something that only autograd and the optimiser itself can compute."""
    networks = ((gan.generator, gan.optimizer_g), (gan.discriminator, gan.optimizer_d))
    layers = [layer for network, _ in networks for layer in network]
    tensors = chain.from_iterable((*layer.parameters(), *layer.buffers()) for layer in layers)
    floats = [tensor for tensor in tensors if tensor.is_floating_point()]
    reasons = {
        "layers of your own": any(type(layer) not in PLAIN for layer in layers),
        "weights that are not float32 on the CPU": any(
            (t.dtype, t.device.type) != (torch.float32, "cpu") for t in floats
        ),
        "an optimiser of your own": not all(_is_plain(*pair) for pair in networks),
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def _is_plain(network: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    group = optimizer.param_groups[0]
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    parameters = list(network.parameters())
    return (
        type(optimizer) is torch.optim.Adam
        and len(optimizer.param_groups) == 1
        and len(held) == len(parameters)
        and all(one is other for one, other in zip(held, parameters, strict=True))
        and not any(group[name] for name in FLAGS)
    )
