"""Measure a network: norms, inactive units and the drift of BatchNorm's statistics."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from gan_core.diagnostics.views import Drift, LayerView, NetworkView
from gan_core.networks import batch_statistics_only

Weights = Mapping[str, Tensor]


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of all trainable parameters by name."""
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def norm(tensors: Iterable[Tensor | None]) -> float | None:
    """Return the L2 norm over all tensors that are not None; None if there are none."""
    present = [tensor for tensor in tensors if tensor is not None]
    return float(torch.nn.utils.get_total_norm(present)) if present else None


def layer_name(layer: nn.Module) -> str:
    """Return a layer's name for the page: "Linear 100→256", "BatchNorm 256"."""
    if isinstance(layer, nn.Linear):
        return f"Linear {layer.in_features}→{layer.out_features}"
    if isinstance(layer, nn.BatchNorm1d):
        return f"BatchNorm {layer.num_features}"
    return type(layer).__name__


def network_view(network: nn.Module, before: Weights, inactive: Mapping[str, float]) -> NetworkView:
    """Return the norms of the present gradients and of the changes since ``before``.

    ``inactive``: share of inactive units by the name of the Linear layer.
    """
    layers = []
    for index, layer in network.named_children():
        parameters = dict(layer.named_parameters())
        if parameters:
            changes = [parameter.detach() - before[f"{index}.{name}"] for name, parameter in parameters.items()]
            gradient = norm(parameter.grad for parameter in parameters.values())
            layers.append(LayerView(layer_name(layer), gradient, norm(changes) or 0.0, inactive.get(index)))
    change = norm(parameter.detach() - before[name] for name, parameter in network.named_parameters())
    return NetworkView(norm(parameter.grad for parameter in network.parameters()), change or 0.0, tuple(layers))


@torch.no_grad()
def inactive_units(network: nn.Module, inputs: Tensor) -> dict[str, float]:
    """Return the share of inactive units of each hidden Linear layer, by its index as text.

    A unit is inactive if LeakyReLU's output is exactly 0 for all ``inputs`` ``[batch, features]``. With a slope above 0
    this takes an input of exactly 0.
    """
    shares: dict[str, float] = {}
    linear = ""
    with batch_statistics_only(network):
        for index, layer in network.named_children():
            inputs = layer(inputs)
            if isinstance(layer, nn.Linear):
                linear = index
            elif isinstance(layer, nn.LeakyReLU):
                shares[linear] = float((inputs == 0).all(dim=0).float().mean())
    return shares


@torch.no_grad()
def drifts(network: nn.Module, inputs: Tensor) -> tuple[Drift, ...]:
    """Return for each BatchNorm layer how far its running statistics are from those of this batch ``[batch, features]``."""
    found = []
    with batch_statistics_only(network):
        for layer in network.children():
            if isinstance(layer, nn.BatchNorm1d):
                assert layer.running_mean is not None, "this BatchNorm tracks its statistics"
                assert layer.running_var is not None, "this BatchNorm tracks its statistics"
                deviation = (inputs.var(dim=0) + layer.eps).sqrt()
                mean = ((layer.running_mean - inputs.mean(dim=0)).abs() / deviation).mean()
                ratio = ((layer.running_var + layer.eps).sqrt() / deviation).mean()
                found.append(Drift(layer_name(layer), float(mean), float(ratio)))
            inputs = layer(inputs)
    return tuple(found)
