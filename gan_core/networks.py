"""GANConfig → generator and discriminator, as plain ``nn.Sequential``."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.architecture import BatchNorm, Layer, LeakyReLU, Linear, layers
from gan_core.config import GANConfig, Network
from gan_core.seeds import derive
from gan_core.training.arithmetic import in_one_thread

AnyBatchNorm = _BatchNorm  # of one, two or three dimensions


class BatchNorm1d(nn.BatchNorm1d):
    """PyTorch's BatchNorm1d in one thread, because the number of threads changes the last bits of its sums."""

    def forward(self, input: Tensor) -> Tensor:
        output = in_one_thread(super().forward, input)
        if output.grad_fn is not None:
            threads = torch.get_num_threads()
            output.grad_fn.register_prehook(lambda _: torch.set_num_threads(1))
            output.grad_fn.register_hook(lambda *_: torch.set_num_threads(threads))
        return output


def build_network(config: GANConfig, network: Network, features: int) -> nn.Sequential:
    """Build one network for samples of ``features`` values, with PyTorch's initial weights drawn from the run's seed.

    Its weights are float32, whatever PyTorch's default dtype is. PyTorch's global random state does not change.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(config.seed, f"weights_{network.lower()}"))
        return nn.Sequential(*map(_module, layers(config, network, features)))


def _module(layer: Layer) -> nn.Module:
    if isinstance(layer, Linear):
        return nn.Linear(layer.inputs, layer.outputs, dtype=torch.float32)
    if isinstance(layer, LeakyReLU):
        return nn.LeakyReLU(layer.slope)
    if isinstance(layer, BatchNorm):
        return BatchNorm1d(layer.units, momentum=layer.momentum, dtype=torch.float32)
    return nn.Tanh()


def set_training_mode(network: nn.Sequential) -> None:
    """Put every layer in training mode and let every parameter take gradients, whatever a user has left on."""
    if not (network.training and all(layer.training for layer in network)):
        network.train()
    if not all(parameter.requires_grad for layer in network for parameter in vars(layer)["_parameters"].values()):
        network.requires_grad_(True)


@contextmanager
def batch_statistics_only(network: nn.Module) -> Iterator[None]:
    """Make BatchNorm normalise by the batch, as in training, without changing its running statistics."""
    norms = [module for module in network.modules() if isinstance(module, AnyBatchNorm)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Take no gradients with respect to the network's parameters; gradients still pass through it."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
