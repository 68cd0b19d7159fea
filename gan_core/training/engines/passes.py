"""A network's forward and backward pass, as lists of operations on preallocated tensors."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_

from gan_core.networks import AnyBatchNorm
from gan_core.training.arithmetic import in_one_thread
from gan_core.training.engines.network_buffers import Call, NetworkBuffers

# PyTorch exposes these operations only here.
leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input
native_batch_norm = torch.ops.aten.native_batch_norm.out
native_batch_norm_backward = torch.ops.aten.native_batch_norm_backward.default


class Pass:
    """A forward and backward pass through a network, as lists of operations.

    ``forward`` fills ``output`` from ``inputs`` ``[rows, features]``; ``forward_only`` does so without changing
    BatchNorm's running statistics. ``backward`` fills the network's gradients from ``gradient``, ∂loss/∂output;
    ``to_inputs`` fills ``inputs_gradient`` only. The caller applies a Tanh at the end.
    """

    def __init__(self, network: NetworkBuffers, inputs: Tensor, output: Tensor, gradient: Tensor) -> None:
        rounding: list[Call] = [network.round] if network.dtype != torch.float32 else []
        self.forward, self.forward_only = list(rounding), list(rounding)
        self.backward: list[Call] = []
        self.to_inputs: list[Call] = []
        self._network = network
        self._value, self._gradient = inputs, torch.zeros_like(inputs)
        self.inputs_gradient = self._gradient
        layers = [layer for layer in network.layers if not isinstance(layer, nn.Tanh)]
        for before, layer, after in zip([None, *layers], layers, [*layers[1:], None], strict=False):
            if isinstance(layer, nn.Linear):
                result = self._allocate(layer.out_features) if after else (output, gradient)
                self._linear(layer, result, first=before is None)
            elif isinstance(layer, nn.LeakyReLU):
                self._leaky_relu(layer, before_norm=isinstance(after, AnyBatchNorm))
            else:
                assert isinstance(layer, nn.BatchNorm1d), "networks.py builds no other layer"
                self._batch_norm(layer, after_linear=isinstance(before, nn.Linear))

    def _allocate(self, width: int) -> tuple[Tensor, Tensor]:
        value = torch.zeros(len(self._value), width, dtype=self._network.dtype)
        return value, torch.zeros_like(value)

    def _add(self, forward: list[Call], to_parameters: list[Call], to_inputs: list[Call], first: bool = False) -> None:
        """Add a layer: its forward operations, those for its parameters' gradients, and those for its inputs' gradient."""
        self.forward += forward
        self.to_inputs = [*to_inputs, *self.to_inputs]
        self.backward = [*to_parameters, *([] if first else to_inputs), *self.backward]

    def _linear(self, layer: nn.Linear, result: tuple[Tensor, Tensor], first: bool) -> None:
        weight, bias = (self._network.factor(parameter) for parameter in (layer.weight, layer.bias))
        (x, dx), (y, dy) = (self._value, self._gradient), result
        forward: list[Call] = [partial(torch.addmm, bias, x, weight.t(), out=y)]
        to_parameters = [
            *self._parameter_gradient(layer.weight, partial(torch.mm, dy.t(), x)),
            *self._parameter_gradient(layer.bias, partial(torch.sum, dy, 0)),
        ]
        self.forward_only += forward
        self._add(forward, to_parameters, [partial(torch.mm, dy, weight, out=dx)], first)
        self._value, self._gradient = y, dy

    def _parameter_gradient(self, parameter: Tensor, compute: partial[Tensor]) -> list[Call]:
        """Return calls that write the result of ``compute``, in the products' dtype, to the parameter's float32 gradient."""
        out = self._network.gradient_of[parameter]
        if self._network.dtype == torch.float32:
            return [partial(compute, out=out)]
        product = torch.zeros_like(out, dtype=self._network.dtype)
        return [partial(compute, out=product), partial(out.copy_, product)]

    def _leaky_relu(self, layer: nn.LeakyReLU, before_norm: bool) -> None:
        value, gradient, slope = self._value, self._gradient, layer.negative_slope
        forward: list[Call] = [partial(leaky_relu_, value, slope)]
        self.forward_only += forward
        # BatchNorm's backward returns a new tensor, to which this buffer is set; no other operation may use it.
        self._gradient = torch.zeros_like(gradient) if before_norm else gradient
        # LeakyReLU keeps the sign, so its backward can use the output.
        back = partial(leaky_relu_backward, self._gradient, value, slope, True, grad_input=gradient)
        self._add(forward, [], [back])

    def _batch_norm(self, layer: nn.BatchNorm1d, after_linear: bool) -> None:
        x, dx = self._value, self._gradient
        y, dy = self._allocate(layer.num_features)
        weight, bias = layer.weight.data, layer.bias.data
        assert layer.momentum is not None
        assert layer.num_batches_tracked is not None
        mean, deviation = torch.zeros_like(weight), torch.zeros_like(weight)  # the batch's mean, and 1 / its deviation
        outputs = {"out": y, "save_mean": mean, "save_invstd": deviation}
        running = (layer.running_mean, layer.running_var)
        normalise = partial(in_one_thread, native_batch_norm, x, weight, bias)
        forward = partial(normalise, *running, True, layer.momentum, layer.eps, **outputs)
        self.forward_only.append(partial(normalise, None, None, True, 0.0, layer.eps, **outputs))
        statistics = (*running, mean, deviation)
        backward_operation = partial(in_one_thread, native_batch_norm_backward, dy, x, weight, *statistics)
        gradients = [self._network.gradient_of[parameter] for parameter in (layer.weight, layer.bias)]
        store_in_dx = dx.copy_ if after_linear else dx.set_

        def backward() -> None:
            to_x, *to_parameters = backward_operation(True, layer.eps, [True] * 3)
            store_in_dx(to_x)
            for gradient, result in zip(gradients, to_parameters, strict=True):
                gradient.copy_(result)

        self._add([forward, partial(layer.num_batches_tracked.add_, 1)], [], [backward])
        self._value, self._gradient = y, dy
