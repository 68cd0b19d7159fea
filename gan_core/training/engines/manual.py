"""Updates with a manual backward pass: forward, backward and one Adam call per network, without autograd.

Autograd records operations, traverses the record and allocates a new tensor at each step. Here an update is a list of
calls on preallocated tensors: the operations that PyTorch executes on the reference path, on the same numbers, in the
same shapes and order. An update ends in the same weights, gradients and optimiser state, bit for bit.
"""

from collections.abc import Collection
from functools import partial

import torch
from torch import Tensor

from gan_core.config import GANConfig, Network
from gan_core.losses import LOSSES
from gan_core.losses.base import Loss
from gan_core.noise import fill_with_noise
from gan_core.training.engines.captured import Captured
from gan_core.training.engines.head import Head
from gan_core.training.engines.network_buffers import Call, NetworkBuffers
from gan_core.training.engines.passes import Pass, tanh_backward
from gan_core.training.gan import GAN

MEASURED: dict[Network, tuple[str, ...]] = {
    "D": ("loss_d", "loss_d_real", "loss_d_fake", "d_real", "grad_norm_d", "accuracy_real", "accuracy_fake"),
    "G": ("loss_g", "d_fake", "grad_norm_g"),
}


def unsupported(config: GANConfig, device: torch.device) -> tuple[str, ...]:
    """Return the names of everything in these settings that this engine does not support."""
    loss = LOSSES.get(config.loss)
    reasons = {
        "BatchNorm in the discriminator": config.discriminator_batch_norm,
        "SGD": "sgd" in (config.optimizer_g, config.optimizer_d),
        "this loss": loss is None or type(loss).manual is Loss.manual,
        f"the device {device.type}": device.type != "cpu",
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


class ManualEngine:
    """Computes the updates of one GAN under the settings that it was created with."""

    name = "manual"
    description = "Updates by a manual backward pass instead of autograd: the same numbers, in fewer operations."

    def __init__(self, gan: GAN) -> None:
        config, dtype = gan.config, gan.arithmetic.dtype
        self._captured = Captured(gan)
        g = NetworkBuffers(gan.generator, gan.optimizer_g, dtype)
        d = NetworkBuffers(gan.discriminator, gan.optimizer_d, dtype)
        self._networks: dict[Network, NetworkBuffers] = {"G": g, "D": d}
        batch, features = config.batch_size, gan.dataset.features
        self._head = head = Head(batch, LOSSES[config.loss])
        self._measured = {name: {value: head.value[value] for value in MEASURED[name]} for name in self._networks}
        self._norms = {"D": d.norm(head.value["grad_norm_d"]), "G": g.norm(head.value["grad_norm_g"])}

        self._noise_d, self._noise_g = (torch.zeros(batch, config.latent_dim, dtype=torch.float32) for _ in range(2))
        samples = torch.zeros(2 * batch, features, dtype=dtype)
        real, fake_d = samples.chunk(2)
        self._real = torch.zeros(batch, features, dtype=torch.float32) if dtype != torch.float32 else real
        fake_g, before_tanh_d, before_tanh_g, gradient_g = (torch.zeros_like(fake_d) for _ in range(4))
        # Noise, samples and losses are float32; the networks between them may compute in another dtype.
        noise_d, noise_g = (_Cast(noise, dtype) for noise in (self._noise_d, self._noise_g))
        logits, logits_g = (_Cast(tensor, dtype) for tensor in (head.logits, head.logits_g))
        gradient, logits_gradient_g = (_Cast(tensor, dtype) for tensor in (head.gradient, head.gradient_g))

        g_for_d = Pass(g, noise_d.low, before_tanh_d, gradient_g)
        g_for_g = Pass(g, noise_g.low, before_tanh_g, gradient_g)
        d_for_d = Pass(d, samples, logits.low, gradient.low)
        d_for_g = Pass(d, fake_g, logits_g.low, logits_gradient_g.low)

        to_scores: list[Call] = [partial(torch.tanh, before_tanh_g, out=fake_g), *d_for_g.forward, *logits_g.up]
        self._score_after = [*noise_g.down, *g_for_g.forward_only, *to_scores, *head.score_after]
        self._gradients: dict[Network, list[Call]] = {
            "D": [
                *noise_d.down, *g_for_d.forward, partial(torch.tanh, before_tanh_d, out=fake_d),
                *([partial(real.copy_, self._real)] if self._real is not real else []),
                *d_for_d.forward, *logits.up,
                *head.discriminator,
                *gradient.down, *d_for_d.backward,
            ],
            "G": [
                *noise_g.down, *g_for_g.forward, *to_scores,
                *head.generator,
                *logits_gradient_g.down, *d_for_g.to_inputs,
                partial(tanh_backward, d_for_g.inputs_gradient, fake_g, grad_input=gradient_g),
                *g_for_g.backward,
            ],
        }  # fmt: skip

    def update(self, gan: GAN, network: Network) -> None:
        with torch.inference_mode(), gan.arithmetic.products():
            self._run_turn(gan, (network,), measured=(network,))
            _execute(self._head.losses)
            _execute(self._head.means)

    def iterate(self, gan: GAN, row: Tensor) -> None:
        with torch.inference_mode(), gan.arithmetic.products():
            turns = gan.turns()
            for i, turn in enumerate(turns):
                # Of several updates of a network in one iteration, only the last one is measured.
                self._run_turn(gan, turn, [name for name in turn if all(name not in later for later in turns[i + 1 :])])
            gan.iteration += 1
            _execute(self._head.losses)  # before the last update's logits are overwritten
            _execute(self._score_after)
            _execute(self._head.means)
            self._head.write(row)

    def apply_changes(self, gan: GAN, changed: Collection[str]) -> bool:
        return False

    def fits(self, gan: GAN) -> bool:
        return self._captured.unchanged(gan)

    def reset(self) -> None:
        pass  # each step checks the optimiser's memory, and parameters are overwritten in place

    def _run_turn(self, gan: GAN, turn: tuple[Network, ...], measured: Collection[Network]) -> None:
        """Execute one turn: its networks' gradients at the same weights, then their optimisers' steps."""
        for network in turn:
            if network == "D":
                gan.dataset.batch(gan.sampler.next(), out=self._real)
                fill_with_noise(self._noise_d, gan.config.noise, gan.random["noise_d"])
            else:
                fill_with_noise(self._noise_g, gan.config.noise, gan.random["noise_g"])
                gan.last_noise = self._noise_g
            _execute(self._gradients[network])
            if network in measured:
                self._norms[network]()
            self._networks[network].show_gradients()
            gan.measured[network] = self._measured[network]
        for network in turn:
            self._networks[network].step()
            gan.updates[network] += 1


def _execute(calls: list[Call]) -> None:
    for call in calls:
        call()


class _Cast:
    """Copies between a float32 tensor and ``low``, its values in the products' dtype; one tensor if that is float32."""

    def __init__(self, tensor: Tensor, dtype: torch.dtype) -> None:
        same = tensor.dtype == dtype
        self.low = tensor if same else torch.zeros_like(tensor, dtype=dtype)
        self.down: list[Call] = [] if same else [partial(self.low.copy_, tensor)]
        self.up: list[Call] = [] if same else [partial(tensor.copy_, self.low)]
