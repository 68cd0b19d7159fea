"""What the manual engine keeps of one network, made once: gradients, rounded parameters, and its Adam's memory."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

Call = Callable[[], object]  # an operation with all its tensors

FLOATS_PER_CACHE_LINE = 16
NORM_PARTS = 16


class NetworkBuffers:
    """The buffers of ``module`` and its Adam. ``dtype``: of the products; parameters and Adam's memory are float32."""

    def __init__(self, module: nn.Sequential, optimizer: torch.optim.Optimizer, dtype: torch.dtype) -> None:
        self.layers = list(module.children())
        self.optimizer, self.dtype = optimizer, dtype
        self.parameters: list[Tensor] = list(module.parameters())
        # All gradients in one tensor, so that their norm is one operation. Each begins at a cache line, as a tensor of
        # its own would: products that are written elsewhere differ in their last bits. The gaps stay 0.
        room = [-(-parameter.numel() // FLOATS_PER_CACHE_LINE) * FLOATS_PER_CACHE_LINE for parameter in self.parameters]
        rest = -sum(room) % (NORM_PARTS * FLOATS_PER_CACHE_LINE)
        flat = torch.zeros(sum(room) + rest)
        self._norm_parts = flat.view(NORM_PARTS, -1)
        pieces = zip(torch.split(flat, [*room, rest]), self.parameters, strict=False)
        self.gradients = [piece[: parameter.numel()].view_as(parameter) for piece, parameter in pieces]
        self.gradient_of = dict(zip(self.parameters, self.gradients, strict=True))
        self._rounded: dict[Tensor, Tensor] = {
            parameter: torch.empty_like(parameter, dtype=dtype)
            for layer in self.layers if isinstance(layer, nn.Linear) and dtype != torch.float32
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
        versions = [parameter._version for parameter in self._rounded]
        if versions != self._versions:
            for parameter, rounded in self._rounded.items():
                rounded.copy_(parameter)
            self._versions = versions

    @property
    def rounding(self) -> list[Call]:
        """``round`` as a list of calls: empty in float32."""
        return [self.round] if self._rounded else []

    def show_gradients(self) -> None:
        """Put the gradients where autograd puts them; the reference path has put its own there."""
        if self.parameters[-1].grad is not self.gradients[-1]:
            for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
                parameter.grad = gradient

    def norm(self, out: Tensor) -> list[Call]:
        """The gradients' L2 norm, 0-d, in parts whose number does not depend on that of the threads."""
        parts = torch.zeros(NORM_PARTS)
        return [
            partial(torch.linalg.vector_norm, self._norm_parts, 2, 1, out=parts),
            partial(torch.linalg.vector_norm, parts, out=out),
        ]

    def step(self) -> None:
        """``optimizer.step()`` in the optimiser's own memory, straight to the one call that it makes."""
        if self._state is not self.optimizer.state:  # no step yet, or another memory was loaded
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
        increment_version(self.parameters)  # a graph from before the step refuses to go back

    def _find_memory(self) -> None:
        self._state = self.optimizer.state
        states = [self.optimizer.state[parameter] for parameter in self.parameters]
        self._steps = torch.stack([state["step"] for state in states])  # in one tensor: counted up in one operation
        for state, step in zip(states, self._steps.unbind(), strict=True):
            state["step"] = step
        means, squares, steps = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        self._memory = [means, squares, [], steps]
