"""GANConfig → generator and discriminator, as plain ``nn.Sequential``."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gan_core.config import GANConfig
from gan_core.seeds import derive
from gan_core.training.arithmetic import in_one_thread


@contextmanager
def initial_weights(seed: int, name: str) -> Iterator[None]:
    """PyTorch's own initial weights, drawn from the stream ``name`` of ``seed``; torch's global randomness stays."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, name))
        yield


class BatchNorm1d(nn.BatchNorm1d):
    """PyTorch's own, but the same bits whatever the number of threads: each thread would sum a part of the batch."""

    def forward(self, input: Tensor) -> Tensor:
        output = in_one_thread(super().forward, input)
        if output.grad_fn is not None:
            threads = torch.get_num_threads()
            output.grad_fn.register_prehook(lambda _: torch.set_num_threads(1))
            output.grad_fn.register_hook(lambda *_: torch.set_num_threads(threads))
        return output


def hidden_layer(inputs: int, outputs: int, config: GANConfig, batch_norm: bool) -> list[nn.Module]:
    """Linear, LeakyReLU and, if asked for, BatchNorm1d: after the activation (the lecture) or before it."""
    layers: list[nn.Module] = [nn.Linear(inputs, outputs), nn.LeakyReLU(config.leaky_slope)]
    if batch_norm:
        # momentum by name: the second positional argument of BatchNorm1d is eps.
        norm = BatchNorm1d(outputs, momentum=config.batch_norm_momentum)
        layers.insert(2 if config.batch_norm_position == "after_activation" else 1, norm)
    return layers


def build_generator(config: GANConfig, outputs: int) -> nn.Sequential:
    """Noise ``[batch, latent_dim]`` → samples ``[batch, outputs]`` in [-1, 1]."""
    layers: list[nn.Module] = []
    inputs = config.latent_dim
    with initial_weights(config.seed, "weights_g"):
        for width in config.generator_hidden:
            layers += hidden_layer(inputs, width, config, config.generator_batch_norm)
            inputs = width
        return nn.Sequential(*layers, nn.Linear(inputs, outputs), nn.Tanh())


def build_discriminator(config: GANConfig, inputs: int) -> nn.Sequential:
    """Samples ``[batch, inputs]`` → logits ``[batch, 1]``: no sigmoid, the loss has it."""
    layers: list[nn.Module] = []
    with initial_weights(config.seed, "weights_d"):
        for width in config.discriminator_hidden:
            layers += hidden_layer(inputs, width, config, config.discriminator_batch_norm)
            inputs = width
        return nn.Sequential(*layers, nn.Linear(inputs, 1))


@contextmanager
def batch_statistics_only(network: nn.Module) -> Iterator[None]:
    """BatchNorm normalises by the batch, as in training, and its running statistics stay untouched."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No gradient is taken with respect to the network's parameters: what passes through it still has one."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
