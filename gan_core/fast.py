"""Updates of small networks written out by hand, where Python's share of an update costs more than its arithmetic.

Autograd records what is done, plays it back and makes a new tensor at each step. Here an update is a list of calls, made
once, on tensors that are made once: the very operations that PyTorch executes for ``Trainer.walk``, on the same numbers,
in the same shapes and order. So an update by hand and a walk to its end leave the same weights, gradients and optimiser
state bit for bit, and one may follow the other at any point. What is not covered here walks.
"""

import math
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version
from torch.nn.functional import leaky_relu_

from gan_core.config import GANConfig, Network
from gan_core.fast_losses import HEADS, Call

MOST = 128  # values in the widest layer: beyond it the products cost so much that little is left to gain
ALIGNED = 16  # numbers: 64 bytes, where PyTorch lets a tensor begin
TRIALS = 16

MEASURED: dict[Network, tuple[str, ...]] = {
    "D": ("loss_d", "loss_d_real", "loss_d_fake", "d_real", "grad_norm_d"),
    "G": ("loss_g", "d_fake", "grad_norm_g"),
}

# PyTorch gives these two no name of their own in Python.
leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


def not_covered(config: GANConfig, features: int, device: torch.device) -> tuple[str, ...]:
    """What keeps a run of these settings, on samples of so many ``features``, from being updated by hand."""
    widest = max(config.latent_dim, features, *config.generator_hidden, *config.discriminator_hidden)
    reasons = {
        f"{widest:,} values in a layer (at most {MOST})": widest > MOST,
        "BatchNorm": config.generator_batch_norm or config.discriminator_batch_norm,
        "SGD": "sgd" in (config.optimizer_g, config.optimizer_d),
        "this loss": config.loss not in HEADS,
        config.precision: config.precision != "float32",
        f"the device {device.type}": device.type != "cpu",
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def covers(config: GANConfig, features: int, device: torch.device) -> bool:
    """Whether a run of these settings, on samples of so many ``features``, is updated by hand."""
    return not not_covered(config, features, device)


def path_words(config: GANConfig, features: int, device: torch.device) -> str:
    """A sentence for a page: how this run's updates are computed."""
    if reasons := not_covered(config, features, device):
        return f"PyTorch autograd. The faster path of small networks does not cover {', '.join(reasons)}."
    return "Small networks: forward and backward written out by hand (no autograd), one Adam call per network."


class _Network:
    """A network's parameters and gradients, and the memory of its Adam."""

    def __init__(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.parameters: list[Tensor] = list(module.parameters())
        # All gradients in one tensor, so that their norm is one operation; each begins where a tensor of its own would,
        # because products that are written elsewhere differ in their last bits. The numbers between them stay 0.
        room = [math.ceil(parameter.numel() / ALIGNED) * ALIGNED for parameter in self.parameters]
        self.gradient = torch.zeros(sum(room))
        pieces = zip(torch.split(self.gradient, room), self.parameters, strict=True)
        self.gradients = [piece[: parameter.numel()].view_as(parameter) for piece, parameter in pieces]
        self._state: object = None  # the optimiser's, once its tensors are known here
        self._memory: list[list[Tensor]] = []
        self._one = torch.ones(())

    def show_gradients(self) -> None:
        """Put them where autograd puts them; a walk has put its own there."""
        if self.parameters[-1].grad is not self.gradients[-1]:
            for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
                parameter.grad = gradient

    def take_gradients(self) -> None:
        """Copy those of a walk."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            assert parameter.grad is not None, "a walk measures after its backward pass"
            gradient.copy_(parameter.grad)

    def step(self) -> None:
        """``optimizer.step()`` in the optimiser's own memory, without its way to the one call that it makes."""
        if self._state is not self.optimizer.state:  # no step yet, or another memory was loaded
            with torch.inference_mode(False):
                self.optimizer.step()
                self._remember()
            return
        self._steps.add_(self._one)
        group = self.optimizer.param_groups[0]
        beta1, beta2 = group["betas"]
        torch._fused_adam_(
            self.parameters, self.gradients, *self._memory, lr=group["lr"], beta1=beta1, beta2=beta2,
            eps=group["eps"], weight_decay=0.0, amsgrad=False, maximize=False,
        )  # fmt: skip
        increment_version(self.parameters)  # a graph from before the step refuses to go back, as ever

    def _remember(self) -> None:
        self._state = self.optimizer.state
        states = [self.optimizer.state[parameter] for parameter in self.parameters]
        self._steps = torch.stack([state["step"] for state in states])  # in one tensor: counted up in one operation
        for state, step in zip(states, self._steps.unbind(), strict=True):
            state["step"] = step
        means, squares, steps = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        self._memory = [means, squares, [], steps]


class _Pass:
    """A way through a network and back, as lists of operations.

    ``forward`` fills ``output`` from ``inputs`` ``[rows, features]``. ``backward`` fills the network's gradients from
    ``gradient``, the loss's by ``output``; ``to_inputs`` fills ``inputs_gradient`` alone.
    """

    def __init__(self, network: _Network, slope: float, inputs: Tensor, output: Tensor, gradient: Tensor) -> None:
        weights, biases = network.parameters[::2], network.parameters[1::2]
        hidden = [torch.zeros(len(inputs), len(bias)) for bias in biases[:-1]]  # behind LeakyReLU
        values = [inputs, *hidden, output]
        gradients = [*(torch.zeros_like(value) for value in values[:-1]), gradient]
        self.inputs_gradient = gradients[0]
        self.forward: list[Call] = []
        self.backward: list[Call] = []
        self.to_inputs: list[Call] = []
        for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            (x, y), (x_gradient, y_gradient) = values[i : i + 2], gradients[i : i + 2]
            weight_gradient, bias_gradient = network.gradients[2 * i : 2 * i + 2]
            self.forward.append(partial(torch.addmm, bias.data, x, weight.data.t(), out=y))
            if y is not output:
                self.forward.append(partial(leaky_relu_, y, slope))
            through: list[Call] = [partial(torch.mm, y_gradient, weight.data, out=x_gradient)]
            if x is not inputs:
                # The sign behind LeakyReLU is the sign before it, so that what is behind will do.
                through.append(partial(leaky_relu_backward, x_gradient, x, slope, True, grad_input=x_gradient))
            self.to_inputs = [*through, *self.to_inputs]
            self.backward = [
                *_product(y_gradient, x, weight_gradient),
                partial(torch.sum, y_gradient, 0, out=bias_gradient),
                *(through if x is not inputs else []),
                *self.backward,
            ]


def _product(gradient: Tensor, inputs: Tensor, out: Tensor) -> list[Call]:
    """``out = gradient.t() @ inputs``, which is a weight's gradient."""
    if not turned_is_the_same(*gradient.shape, inputs.shape[1]):
        return [partial(torch.mm, gradient.t(), inputs, out=out)]
    turned = torch.zeros(out.shape[1], out.shape[0])
    return [partial(torch.mm, inputs.t(), gradient, out=turned), partial(out.copy_, turned.t())]


@cache
def turned_is_the_same(rows: int, outputs: int, inputs: int) -> bool:
    """Whether a product of few columns may be computed as one of few rows: on some processors a third of the time.

    It may where trials give the same bits, for then every sum is made in the same order.
    """
    if inputs >= 8 or inputs >= outputs:
        return False
    random = torch.Generator().manual_seed(0)
    for _ in range(TRIALS):
        left, right = (torch.randn(rows, width, generator=random) for width in (outputs, inputs))
        if not torch.equal(left.t() @ right, (right.t() @ left).t()):
            return False
    return True


class ByHand:
    """The updates of one run's two networks, under the settings that they were made with.

    The caller fills ``real`` ``[batch, features]`` and ``noise_d``, or ``noise_g``, ``[batch, latent_dim]``, takes
    ``gradients`` and then steps. Between the two the other network may take its own, as in ``Trainer.walk_turn``.
    ``measured``: what the last update of each network measured, by name, 0-d; true after ``settle``.

    All methods are for ``torch.inference_mode``.
    """

    def __init__(
        self, config: GANConfig, generator: nn.Module, discriminator: nn.Module,
        optimizer_g: torch.optim.Optimizer, optimizer_d: torch.optim.Optimizer,
    ) -> None:  # fmt: skip
        g, d = _Network(generator, optimizer_g), _Network(discriminator, optimizer_d)
        self._networks: dict[Network, _Network] = {"G": g, "D": d}
        batch, features, slope = config.batch_size, d.parameters[0].shape[1], config.leaky_slope
        self._head = head = HEADS[config.loss](batch)
        self.measured = {name: {value: head.value[value] for value in MEASURED[name]} for name in self._networks}
        self._settled = True

        self.noise_d, self.noise_g = (torch.zeros(batch, config.latent_dim) for _ in range(2))
        samples = torch.zeros(2 * batch, features)
        self.real, fake_d = samples.chunk(2)
        fake_g, before_tanh_d, before_tanh_g, gradient_g = (torch.zeros(batch, features) for _ in range(4))
        g_for_d = _Pass(g, slope, self.noise_d, before_tanh_d, gradient_g)
        g_for_g = _Pass(g, slope, self.noise_g, before_tanh_g, gradient_g)
        d_for_d = _Pass(d, slope, samples, head.logits, head.gradient)
        d_for_g = _Pass(d, slope, fake_g, head.logits_g, head.gradient_g)

        scores_of_g: list[Call] = [*g_for_g.forward, partial(torch.tanh, before_tanh_g, out=fake_g), *d_for_g.forward]
        self._score_after = [*scores_of_g, *head.score_after]
        self._gradients: dict[Network, list[Call]] = {
            "D": [
                *g_for_d.forward,
                partial(torch.tanh, before_tanh_d, out=fake_d),
                *d_for_d.forward,
                *head.discriminator,
                *d_for_d.backward,
                partial(torch.linalg.vector_norm, d.gradient, out=head.value["grad_norm_d"]),
            ],
            "G": [
                *scores_of_g,
                *head.generator,
                *d_for_g.to_inputs,
                partial(tanh_backward, d_for_g.inputs_gradient, fake_g, grad_input=gradient_g),
                *g_for_g.backward,
                partial(torch.linalg.vector_norm, g.gradient, out=head.value["grad_norm_g"]),
            ],
        }

    def gradients(self, network: Network) -> None:
        """Fill this network's gradients, and leave them where autograd would."""
        _execute(self._gradients[network])
        self._networks[network].show_gradients()
        self._settled = False

    def step(self, network: Network) -> None:
        """The optimiser's step along these gradients."""
        self._networks[network].step()

    def norm(self, network: Network) -> Tensor:
        """The norm, 0-d, of the gradients that a walk has left, summed in the order in which ``gradients`` does it."""
        self._networks[network].take_gradients()
        norm: Tensor = torch.linalg.vector_norm(self._networks[network].gradient)
        return norm

    def settle(self) -> None:
        """Let ``measured`` be true."""
        if not self._settled:
            _execute(self._head.losses)
            _execute(self._head.means)
            self._settled = True

    def score(self, noise: Tensor) -> Tensor:
        """Mean D(G(z)), 0-d, of ``noise`` ``[batch, latent_dim]`` as the networks are now; ``measured`` is true then."""
        if noise is not self.noise_g:
            self.noise_g.copy_(noise)
        if not self._settled:  # before other logits take the place of the last update's
            _execute(self._head.losses)
            self._settled = True
        _execute(self._score_after)
        _execute(self._head.means)
        return self._head.value["d_fake_after"]

    def write(self, row: Tensor) -> None:
        """All that ``measured`` and ``score`` say into ``row``, float32 ``[len(COLUMNS)]``."""
        self._head.write(row)


def _execute(calls: list[Call]) -> None:
    for call in calls:
        call()
