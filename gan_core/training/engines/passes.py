"""A network's way forward and back, as lists of operations on tensors that are made once."""

import math
import time
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version
from torch.nn.functional import leaky_relu_

from gan_core.training.arithmetic import Arithmetic, in_one_thread, onednn

Call = Callable[[], object]  # an operation with all its tensors

ALIGNED = 16  # numbers: 64 bytes, where PyTorch lets a tensor begin
SUMS = 16  # parts of a norm
NARROW = 8  # columns of a product
TRIALS = 16
FUSED_TRIALS = 3

# PyTorch gives these no name of their own in Python.
leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input
linear_pointwise = torch.ops.mkldnn._linear_pointwise
native_batch_norm = torch.ops.aten.native_batch_norm.out
native_batch_norm_backward = torch.ops.aten.native_batch_norm_backward.default


class Patience:
    """How long several threads may take for what they are at; the rest is then computed by one.

    ``until``: in time.perf_counter()'s seconds. ``lost``: it took longer.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.until, self.lost = math.inf, False

    def lose(self) -> None:
        torch.set_num_threads(1)
        self.until, self.lost = math.inf, True


patience = Patience()  # of this process: it trains one network at a time


def execute(calls: list[Call]) -> None:
    """All of them, in order."""
    if patience.until == math.inf:
        for call in calls:
            call()
        return
    for call in calls:
        call()
        if time.perf_counter() > patience.until:
            patience.lose()


class Network:
    """A network's parameters and gradients, what its products are made of, and the memory of its Adam.

    ``dtype``: that of the products; the parameters and what Adam remembers are float32.
    """

    def __init__(self, module: nn.Module, optimizer: torch.optim.Optimizer, arithmetic: Arithmetic) -> None:
        self.modules = list(module.children())
        self.arithmetic, dtype = arithmetic, arithmetic.dtype
        self.optimizer, self.dtype = optimizer, dtype
        self.parameters: list[Tensor] = list(module.parameters())
        # All gradients in one tensor, so that their norm is one operation; each begins where a tensor of its own would,
        # because products that are written elsewhere differ in their last bits. The numbers between them stay 0.
        room = [math.ceil(parameter.numel() / ALIGNED) * ALIGNED for parameter in self.parameters]
        rest = -sum(room) % (SUMS * ALIGNED)
        flat = torch.zeros(sum(room) + rest)
        self._sums = flat.view(SUMS, -1)
        pieces = zip(torch.split(flat, [*room, rest]), self.parameters, strict=False)
        self.gradients = [piece[: parameter.numel()].view_as(parameter) for piece, parameter in pieces]
        self.gradient_of = dict(zip(self.parameters, self.gradients, strict=True))
        self._rounded: dict[Tensor, Tensor] = {
            parameter: torch.empty_like(parameter, dtype=dtype)
            for layer in self.modules if isinstance(layer, nn.Linear) and dtype != torch.float32
            for parameter in layer.parameters()
        }  # fmt: skip
        self._versions: list[int] = []  # of the parameters, when they were last rounded
        self._state: object = None  # the optimiser's, once its tensors are known here
        self._memory: list[list[Tensor]] = []
        self._one = torch.ones(())

    def factor(self, parameter: Tensor) -> Tensor:
        """The parameter as products take it: itself or, in another dtype, a copy that ``round`` brings up to date."""
        return self._rounded.get(parameter, parameter.data)

    def round(self) -> None:
        """Bring the copies for the products up to date, if the parameters have changed since."""
        if not self._rounded:
            return
        versions = [parameter._version for parameter in self._rounded]
        if versions != self._versions:
            for parameter, rounded in self._rounded.items():
                rounded.copy_(parameter)
            self._versions = versions

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

    def norm(self, out: Tensor) -> list[Call]:
        """The gradient's norm, 0-d: in parts, one to a thread, whose number does not depend on that of the threads."""
        parts = torch.zeros(SUMS)
        return [
            partial(torch.linalg.vector_norm, self._sums, 2, 1, out=parts),
            partial(torch.linalg.vector_norm, parts, out=out),
        ]

    def step(self) -> None:
        """``optimizer.step()`` in the optimiser's own memory, without its way to the one call that it makes."""
        if self._state is not self.optimizer.state:  # no step yet, or another memory was loaded
            with torch.inference_mode(False):
                self.optimizer.step()
                self._remember()
            increment_version(self.parameters)
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


class Pass:
    """A way through a network and back, as lists of operations.

    ``forward`` fills ``output`` from ``inputs`` ``[rows, features]``; ``forward_only`` too, and BatchNorm's running
    statistics stay untouched. ``backward`` fills the network's gradients from ``gradient``, the loss's by ``output``;
    ``to_inputs`` fills ``inputs_gradient`` alone. A Tanh at the end is the caller's.
    """

    def __init__(self, network: Network, inputs: Tensor, output: Tensor, gradient: Tensor) -> None:
        self.forward: list[Call] = [network.round]
        self.forward_only: list[Call] = [network.round]
        self.backward: list[Call] = []
        self.to_inputs: list[Call] = []
        self._network = network
        self._value, self._gradient = inputs, torch.zeros_like(inputs)
        self.inputs_gradient = self._gradient
        layers = [layer for layer in network.modules if not isinstance(layer, nn.Tanh)]
        for before, layer, after in zip([None, *layers], layers, [*layers[1:], None], strict=False):
            if isinstance(layer, nn.Linear):
                made = self._room(layer.out_features) if after else (output, gradient)
                self._linear(layer, made, first=before is None, activation=after)
            elif isinstance(layer, nn.LeakyReLU):
                self._leaky_relu(layer, before, before_norm=isinstance(after, nn.BatchNorm1d))
            else:
                assert isinstance(layer, nn.BatchNorm1d), "networks builds nothing else"
                self._batch_norm(layer, behind_linear=isinstance(before, nn.Linear))

    def _room(self, width: int) -> tuple[Tensor, Tensor]:
        value = torch.zeros(len(self._value), width, dtype=self._network.dtype)
        return value, torch.zeros_like(value)

    def _add(self, forward: list[Call], own: list[Call], through: list[Call], first: bool = False) -> None:
        """A layer: its operations forward, those for its own gradients, and those that pass the gradient on."""
        self.forward += forward
        self.to_inputs = [*through, *self.to_inputs]
        self.backward = [*own, *([] if first else through), *self.backward]

    def _linear(self, layer: nn.Linear, made: tuple[Tensor, Tensor], first: bool, activation: nn.Module | None) -> None:
        weight, bias = (self._network.factor(parameter) for parameter in (layer.weight, layer.bias))
        (x, dx), (y, dy) = (self._value, self._gradient), made
        forward: Call = partial(torch.addmm, bias, x, weight.t(), out=y)
        if isinstance(activation, nn.LeakyReLU) and self._fuses(layer, activation):
            both = partial(linear_pointwise, x, weight, bias, "leaky_relu", [activation.negative_slope], "")

            def forward() -> None:  # its result is a tensor of its own, which takes the place of this one
                y.set_(both())

        own = [*self._weight_gradient(layer, dy, x), *self._bias_gradient(layer, dy)]
        self.forward_only.append(forward)
        self._add([forward], own, [partial(torch.mm, dy, weight, out=dx)], first)
        self._value, self._gradient = y, dy

    def _fuses(self, layer: nn.Module | None, activation: nn.LeakyReLU) -> bool:
        """Whether oneDNN computes this Linear and the LeakyReLU behind it in one."""
        if not (isinstance(layer, nn.Linear) and self._network.arithmetic.onednn) or layer.out_features < NARROW:
            return False
        return fused_is_the_same(len(self._value), layer.in_features, layer.out_features, activation.negative_slope)

    def _weight_gradient(self, layer: nn.Linear, gradient: Tensor, inputs: Tensor) -> list[Call]:
        """``gradient.t() @ inputs``."""
        out = self._network.gradient_of[layer.weight]
        if self._network.dtype != torch.float32:
            product = torch.zeros_like(out, dtype=self._network.dtype)
            return [partial(torch.mm, gradient.t(), inputs, out=product), partial(out.copy_, product)]
        if not turned_is_the_same(*gradient.shape, inputs.shape[1]):
            return [partial(torch.mm, gradient.t(), inputs, out=out)]
        turned = torch.zeros(out.shape[1], out.shape[0])
        return [partial(torch.mm, inputs.t(), gradient, out=turned), partial(out.copy_, turned.t())]

    def _bias_gradient(self, layer: nn.Linear, gradient: Tensor) -> list[Call]:
        out = self._network.gradient_of[layer.bias]
        if self._network.dtype == torch.float32:
            return [partial(torch.sum, gradient, 0, out=out)]
        total = torch.zeros_like(out, dtype=self._network.dtype)
        return [partial(torch.sum, gradient, 0, out=total), partial(out.copy_, total)]

    def _leaky_relu(self, layer: nn.LeakyReLU, before: nn.Module | None, before_norm: bool) -> None:
        value, gradient, slope = self._value, self._gradient, layer.negative_slope
        forward: list[Call] = [] if self._fuses(before, layer) else [partial(leaky_relu_, value, slope)]
        self.forward_only += forward
        # BatchNorm's gradient comes in a tensor of its own, which takes the place of this one; nobody else knows it.
        self._gradient = torch.zeros_like(gradient) if before_norm else gradient
        # The sign behind LeakyReLU is the sign before it, so that what is behind will do.
        back = partial(leaky_relu_backward, self._gradient, value, slope, True, grad_input=gradient)
        self._add(forward, [], [back])

    def _batch_norm(self, layer: nn.BatchNorm1d, behind_linear: bool) -> None:
        x, dx = self._value, self._gradient
        y, dy = self._room(layer.num_features)
        weight, bias = layer.weight.data, layer.bias.data
        assert layer.momentum is not None
        assert layer.num_batches_tracked is not None
        mean, deviation = torch.zeros_like(weight), torch.zeros_like(weight)  # of the batch, and 1 by it
        kept = {"out": y, "save_mean": mean, "save_invstd": deviation}
        running = (layer.running_mean, layer.running_var)
        normalise = partial(in_one_thread, native_batch_norm, x, weight, bias)
        forward = partial(normalise, *running, True, layer.momentum, layer.eps, **kept)
        self.forward_only.append(partial(normalise, None, None, True, 0.0, layer.eps, **kept))
        back = partial(in_one_thread, native_batch_norm_backward, dy, x, weight, *running, mean, deviation)
        gradients = [self._network.gradient_of[parameter] for parameter in (layer.weight, layer.bias)]
        take = dx.copy_ if behind_linear else dx.set_

        def through() -> None:
            to_x, *to_parameters = back(True, layer.eps, [True] * 3)
            take(to_x)
            for gradient, made in zip(gradients, to_parameters, strict=True):
                gradient.copy_(made)

        self._add([forward, partial(layer.num_batches_tracked.add_, 1)], [], [through])
        self._value, self._gradient = y, dy


@cache
def turned_is_the_same(rows: int, outputs: int, inputs: int) -> bool:
    """Whether a product of few columns may be computed as one of few rows: on some processors a third of the time.

    It may where trials give the same bits, for then every sum is made in the same order.
    """
    if inputs >= NARROW or inputs >= outputs:
        return False
    random = torch.Generator().manual_seed(0)
    for _ in range(TRIALS):
        left, right = (torch.randn(rows, width, generator=random) for width in (outputs, inputs))
        if not torch.equal(left.t() @ right, (right.t() @ left).t()):
            return False
    return True


@cache
def fused_is_the_same(rows: int, inputs: int, outputs: int, slope: float) -> bool:
    """Whether oneDNN's LeakyReLU of a Linear gives the bits of the two one after the other, in trials."""
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode(), onednn():
        for _ in range(FUSED_TRIALS):
            sizes = ((rows, inputs), (outputs, inputs), (outputs,))
            x, weight, bias = (torch.randn(size, generator=random) for size in sizes)
            apart = leaky_relu_(torch.addmm(bias, x, weight.t()), slope)
            if not torch.equal(linear_pointwise(x, weight, bias, "leaky_relu", [slope], ""), apart):
                return False
    return True
