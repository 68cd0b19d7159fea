"""The manual engine's buffers of one network: gradients, rounded parameters and Adam's state."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

Call = Callable[[], object]  # an operation bound to its tensors

FLOATS_PER_CACHE_LINE = 16


class NetworkBuffers:
    """The buffers of ``module`` and its Adam. ``dtype``: of the products; parameters and Adam's state are float32."""

    def __init__(self, module: nn.Sequential, optimizer: torch.optim.Optimizer, dtype: torch.dtype) -> None:
        self.layers = list(module.children())
        self.optimizer, self.dtype = optimizer, dtype
        self.parameters: list[Tensor] = list(module.parameters())
        # All gradients are in one tensor, so that their norm is one operation. Each begins at a cache line, as a separate
        # tensor would: a product's alignment can change its last bits. The gaps stay 0.
        room = [-(-parameter.numel() // FLOATS_PER_CACHE_LINE) * FLOATS_PER_CACHE_LINE for parameter in self.parameters]
        self._flat_gradient = torch.zeros(sum(room), dtype=torch.float32)
        pieces = zip(torch.split(self._flat_gradient, room), self.parameters, strict=True)
        self.gradients = [piece[: parameter.numel()].view_as(parameter) for piece, parameter in pieces]
        self.gradient_of = dict(zip(self.parameters, self.gradients, strict=True))
        self._rounded: dict[Tensor, Tensor] = {
            parameter: torch.empty_like(parameter, dtype=dtype)
            for layer in self.layers if isinstance(layer, nn.Linear) and dtype != torch.float32
            for parameter in layer.parameters()
        }  # fmt: skip
        self._versions: list[int] = []  # of the parameters at the last rounding
        self._state: object = None  # the optimiser's, once its tensors are found
        self._memory: list[list[Tensor]] = []
        self._one = torch.ones((), dtype=torch.float32)

    def factor(self, parameter: Tensor) -> Tensor:
        """Return the parameter for products: itself or, in another dtype, a copy that ``round`` updates."""
        return self._rounded.get(parameter, parameter.data)

    def round(self) -> None:
        """Update the rounded copies if the parameters have changed."""
        versions = [parameter._version for parameter in self._rounded]
        if versions != self._versions:
            for parameter, rounded in self._rounded.items():
                rounded.copy_(parameter)
            self._versions = versions

    def show_gradients(self) -> None:
        """Make the parameters' ``.grad`` these gradients, as after autograd."""
        if self.parameters[-1].grad is not self.gradients[-1]:
            for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
                parameter.grad = gradient

    def norm(self, out: Tensor) -> Call:
        """Return the call that writes the gradients' L2 norm, 0-d, to ``out``."""
        return partial(torch.linalg.vector_norm, self._flat_gradient, out=out)

    def step(self) -> None:
        """Do ``optimizer.step()`` by its one kernel call, on the optimiser's own state."""
        if self._state is not self.optimizer.state:  # no step yet, or another state was loaded
            with torch.inference_mode(False):
                self.optimizer.step()
                self._find_memory()
        else:
            self._steps.add_(self._one)
            group = self.optimizer.param_groups[0]
            beta1, beta2 = group["betas"]
            torch._fused_adam_(
                self.parameters, self.gradients, *self._memory, lr=group["lr"], beta1=beta1, beta2=beta2,
                eps=group["eps"], weight_decay=0.0, amsgrad=False, maximize=False,
            )  # fmt: skip
        increment_version(self.parameters)  # backward through an older graph must raise an error

    def _find_memory(self) -> None:
        self._state = self.optimizer.state
        states = [self.optimizer.state[parameter] for parameter in self.parameters]
        self._steps = torch.stack([state["step"] for state in states])  # one tensor, incremented in one operation
        for state, step in zip(states, self._steps.unbind(), strict=True):
            state["step"] = step
        means, squares, steps = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        self._memory = [means, squares, [], steps]
