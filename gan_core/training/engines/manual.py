"""Updates written out by hand: forward, backward and one Adam call per network, without autograd.

Autograd records what is done, plays it back and makes a new tensor at each step. Here an update is a list of calls, made
once, on tensors that are made once: the very operations that PyTorch executes for ``Trainer.walk``, on the same numbers,
in the same shapes and order. So an update by hand and a walk to its end leave the same weights, gradients and optimiser
state bit for bit, and one may follow the other at any point. What is not covered here walks.
"""

from functools import partial

import torch
from torch import Tensor, nn

from gan_core.config import GANConfig
from gan_core.config import Network as Name
from gan_core.losses import LOSSES
from gan_core.losses.base import Loss
from gan_core.training.arithmetic import Arithmetic
from gan_core.training.engines.heads import Head
from gan_core.training.engines.passes import Call, Network, Pass, execute, tanh_backward

MEASURED: dict[Name, tuple[str, ...]] = {
    "D": ("loss_d", "loss_d_real", "loss_d_fake", "d_real", "grad_norm_d"),
    "G": ("loss_g", "d_fake", "grad_norm_g"),
}


def not_covered(config: GANConfig, device: torch.device) -> tuple[str, ...]:
    """What keeps a run of these settings from being updated by hand."""
    reasons = {
        "BatchNorm in the discriminator": config.discriminator_batch_norm,
        "SGD": "sgd" in (config.optimizer_g, config.optimizer_d),
        "this loss": config.loss not in LOSSES or type(LOSSES[config.loss]).manual is Loss.manual,
        f"the device {device.type}": device.type != "cpu",
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def path_words(config: GANConfig, device: torch.device) -> str:
    """A sentence for a page: how this run's updates are computed."""
    if reasons := not_covered(config, device):
        return (
            f"Updates by PyTorch's autograd: the faster path, written out by hand, does not cover {', '.join(reasons)}."
        )
    return "Updates by the fast path: forward and backward written out by hand, the same numbers as autograd's."


class ManualEngine:
    """The updates of one run's two networks, under the settings that they were made with.

    The caller fills ``real`` ``[batch, features]`` and ``noise_d``, or ``noise_g``, ``[batch, latent_dim]``, all float32,
    takes ``gradients`` and then steps. Between the two the other network may take its own, as in
    ``Trainer.walk_turn``. ``measured``: what the last update of each network measured, by name, 0-d; true after
    ``settle``.

    All methods are for ``torch.inference_mode``.
    """

    def __init__(
        self, config: GANConfig, arithmetic: Arithmetic, generator: nn.Module, discriminator: nn.Module,
        optimizer_g: torch.optim.Optimizer, optimizer_d: torch.optim.Optimizer,
    ) -> None:  # fmt: skip
        dtype = arithmetic.dtype
        g, d = Network(generator, optimizer_g, arithmetic), Network(discriminator, optimizer_d, arithmetic)
        self._networks: dict[Name, Network] = {"G": g, "D": d}
        batch, features = config.batch_size, d.parameters[0].shape[1]
        self._head = head = Head(batch, LOSSES[config.loss])
        self.measured = {name: {value: head.value[value] for value in MEASURED[name]} for name in self._networks}
        self._settled = True

        self.noise_d, self.noise_g = (torch.zeros(batch, config.latent_dim) for _ in range(2))
        samples = torch.zeros(2 * batch, features, dtype=dtype)
        real, fake_d = samples.chunk(2)
        self.real = torch.zeros(batch, features) if dtype != torch.float32 else real
        fake_g, before_tanh_d, before_tanh_g, gradient_g = (torch.zeros_like(fake_d) for _ in range(4))
        # What the caller fills is in float32, and so are the losses; between the two there may be another dtype.
        noise_d, noise_g = (_Rounded(noise, dtype) for noise in (self.noise_d, self.noise_g))
        logits, logits_g = (_Rounded(tensor, dtype) for tensor in (head.logits, head.logits_g))
        gradient, logits_gradient_g = (_Rounded(tensor, dtype) for tensor in (head.gradient, head.gradient_g))

        g_for_d = Pass(g, noise_d.low, before_tanh_d, gradient_g)
        g_for_g = Pass(g, noise_g.low, before_tanh_g, gradient_g)
        d_for_d = Pass(d, samples, logits.low, gradient.low)
        d_for_g = Pass(d, fake_g, logits_g.low, logits_gradient_g.low)

        to_scores: list[Call] = [
            partial(torch.tanh, before_tanh_g, out=fake_g), *d_for_g.forward, *logits_g.up,
        ]  # fmt: skip
        self._norms = {"D": d.norm(head.value["grad_norm_d"]), "G": g.norm(head.value["grad_norm_g"])}
        self._score_after = [*noise_g.down, *g_for_g.forward_only, *to_scores, *head.score_after]
        self._gradients: dict[Name, list[Call]] = {
            "D": [
                *noise_d.down, *g_for_d.forward, partial(torch.tanh, before_tanh_d, out=fake_d),
                *([partial(real.copy_, self.real)] if self.real is not real else []),
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

    def gradients(self, network: Name, measure: bool = True) -> None:
        """Fill this network's gradients, and leave them where autograd would.

        ``measure``: False where the same network is updated again before anybody asks what this update measured.
        """
        execute(self._gradients[network])
        if measure:
            execute(self._norms[network])
        self._networks[network].show_gradients()
        self._settled = False

    def step(self, network: Name) -> None:
        """The optimiser's step along these gradients."""
        self._networks[network].step()

    def norm(self, network: Name) -> Tensor:
        """The norm, 0-d, of the gradients that a walk has left, summed in the order in which ``gradients`` does it."""
        norm = torch.zeros(())
        self._networks[network].take_gradients()
        execute(self._networks[network].norm(norm))
        return norm

    def settle(self) -> None:
        """Let ``measured`` be true."""
        if not self._settled:
            execute(self._head.losses)
            execute(self._head.means)
            self._settled = True

    def score(self, noise: Tensor) -> Tensor:
        """Mean D(G(z)), 0-d, of ``noise`` ``[batch, latent_dim]`` as the networks are now; ``measured`` is true then."""
        if noise is not self.noise_g:
            self.noise_g.copy_(noise)
        if not self._settled:  # before other logits take the place of the last update's
            execute(self._head.losses)
            self._settled = True
        execute(self._score_after)
        execute(self._head.means)
        return self._head.value["d_fake_after"]

    def write(self, row: Tensor) -> None:
        """All that ``measured`` and ``score`` say into ``row``, float32 ``[len(COLUMNS)]``."""
        self._head.write(row)


class _Rounded:
    """A float32 tensor and its twin ``low`` in the products' dtype: itself, where that is float32."""

    def __init__(self, tensor: Tensor, dtype: torch.dtype) -> None:
        same = tensor.dtype == dtype
        self.low = tensor if same else torch.zeros_like(tensor, dtype=dtype)
        self.down: list[Call] = [] if same else [partial(self.low.copy_, tensor)]
        self.up: list[Call] = [] if same else [partial(tensor.copy_, self.low)]
