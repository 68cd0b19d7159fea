"""How a run's matrix products are computed: the one place that chooses."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, TypeVar

import torch

from gan_core.config import GANConfig

Result = TypeVar("Result")

WIDE = 128  # units: below it, calling oneDNN costs more than its products save


@cache
def onednn_computes_in_float32() -> bool:
    """Whether oneDNN, told to pick what is fastest for float32 products, still computes them in float32 here.

    It is up to twice as fast as MKL on some processors. Told the same on one with bfloat16 tiles, or on ARM, it
    rounds the factors: so the error is measured, not guessed from the processor's name.
    """
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    random = torch.Generator().manual_seed(0)
    left, right = (torch.randn(256, 256, generator=random) for _ in range(2))
    exact = left.double() @ right.double()
    with onednn():
        error = (left @ right - exact).norm() / exact.norm()
    return float(error) < 1e-6


def pays(config: GANConfig, device: torch.device) -> bool:
    """Whether this run's products go to oneDNN: float32 on the CPU, all hidden layers wide."""
    widths = (*config.generator_hidden, *config.discriminator_hidden)
    return (
        device.type == "cpu" and config.precision == "float32" and min(widths) >= WIDE and onednn_computes_in_float32()
    )


@contextmanager
def onednn() -> Iterator[None]:
    """Within it, float32 matrix products are computed by oneDNN."""
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"  # its name for "as fast as possible"
    try:
        yield
    finally:
        matmul.fp32_precision = before


@contextmanager
def products(config: GANConfig, device: torch.device) -> Iterator[None]:
    """Within it, float32 matrix products go where they are fastest; before and after, as ever."""
    with onednn() if pays(config, device) else nullcontext():
        yield


@contextmanager
def arithmetic(config: GANConfig, device: torch.device) -> Iterator[None]:
    """``products``, and the config's precision: for forward passes. A backward pass takes its own from them."""
    autocast = torch.autocast(
        device.type,
        torch.bfloat16,
        enabled=config.precision == "bfloat16",
        cache_enabled=device.type != "cuda",  # a CUDA graph must not find weights there that were cast outside of it
    )
    with products(config, device), autocast:
        yield


def in_one_thread(operation: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """``operation(*args, **kwargs)``: its sums are made in one order then, whatever the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return operation(*args, **kwargs)
    finally:
        torch.set_num_threads(threads)
