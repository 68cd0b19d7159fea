"""The speed limit: only an iteration's matrix products, into preallocated tensors."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.turns import Candidate
from gan_core.architecture import Linear, linear_layers
from gan_core.config import GANConfig


@dataclass(frozen=True)
class Product:
    """``left @ right``, ``[rows, inner] @ [inner, columns]``; each may be a transposed view."""

    rows: int
    inner: int
    columns: int
    left_transposed: bool = False
    right_transposed: bool = False

    @property
    def gigaflop(self) -> float:
        return 2 * self.rows * self.inner * self.columns / 1e9


def products(config: GANConfig, features: int) -> list[Product]:
    """Return all products of one iteration.

    D scores real and fake samples in one pass, only needed gradients are computed, and D(G(z)) is computed once more
    after G's last step, for its metric.
    """
    batch = config.batch_size
    g, d = linear_layers(config, "G", features), linear_layers(config, "D", features)
    d_step = _forward(batch, g) + _forward(2 * batch, d) + _to_weights(2 * batch, d) + _to_inputs(2 * batch, d[1:])
    scores = _forward(batch, g) + _forward(batch, d)
    g_step = scores + _to_inputs(batch, d) + _to_weights(batch, g) + _to_inputs(batch, g[1:])
    return d_step * config.d_steps + g_step * config.g_steps + scores


def _forward(rows: int, layers: Sequence[Linear]) -> list[Product]:
    return [Product(rows, layer.inputs, layer.outputs, right_transposed=True) for layer in layers]


def _to_inputs(rows: int, layers: Sequence[Linear]) -> list[Product]:
    return [Product(rows, layer.outputs, layer.inputs) for layer in layers]


def _to_weights(rows: int, layers: Sequence[Linear]) -> list[Product]:
    return [Product(layer.outputs, rows, layer.inputs, left_transposed=True) for layer in layers]


def multiplication(
    listed: list[Product], library: Callable[[], AbstractContextManager[None]], dtype: torch.dtype
) -> Candidate:
    """Return a function that computes these products by this library, each in its own tensors as in training."""
    tensors = []
    for product in listed:
        left = _factor(product.rows, product.inner, product.left_transposed).to(dtype)
        right = _factor(product.inner, product.columns, product.right_transposed).to(dtype)
        tensors.append((left, right, torch.empty(product.rows, product.columns, dtype=dtype)))

    def multiply() -> None:
        with library():
            for left, right, out in tensors:
                torch.mm(left, right, out=out)

    return multiply


def _factor(rows: int, columns: int, transposed: bool) -> Tensor:
    return torch.randn(columns, rows).t() if transposed else torch.randn(rows, columns)
