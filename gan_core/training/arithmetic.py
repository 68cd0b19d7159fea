"""How a run's matrix products are computed: the one place that chooses."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import torch

from gan_core.architecture import mean_multiplications
from gan_core.config import GANConfig

Result = TypeVar("Result")

# Multiplications in a run's mean product from which on it pays, measured over widths from 16 to 512: below, calling
# oneDNN or rounding factors costs more than the product saves.
ONEDNN_PAYS = 2_000_000
BFLOAT16_PAYS = 1_000_000


@dataclass(frozen=True)
class Arithmetic:
    """What was chosen. ``description``: what was chosen and why, for the page."""

    device: str
    dtype: torch.dtype
    onednn: bool
    description: str

    @contextmanager
    def products(self) -> Iterator[None]:
        """Within it, float32 matrix products go where they are fastest; before and after, PyTorch's default."""
        with onednn() if self.onednn else nullcontext():
            yield

    @contextmanager
    def forward(self) -> Iterator[None]:
        """``products``, and the dtype: for forward passes. A backward pass takes its own from them."""
        # A CUDA graph must not find weights in a cache that were rounded outside of it.
        autocast = torch.autocast(
            self.device, torch.bfloat16, enabled=self.dtype == torch.bfloat16, cache_enabled=self.device != "cuda"
        )
        with self.products(), autocast:
            yield


def choose_arithmetic(config: GANConfig, features: int, device: torch.device) -> Arithmetic:
    """The fastest arithmetic in the configured precision for samples of so many ``features``.

    bfloat16 is a wish: where float32 is no slower, it is float32.
    """
    work = mean_multiplications(config, features)
    wanted = config.precision == "bfloat16"
    against = _against_bfloat16(work, device) if wanted else None
    if wanted and against is None:
        words = "Products in bfloat16, which this machine computes fastest; weights, losses and optimisers in float32."
        return Arithmetic(device.type, torch.bfloat16, False, words)
    instead = f"float32 instead of bfloat16: {against}. " if against else ""
    fast, why = _float32(work, device)
    return Arithmetic(device.type, torch.float32, fast, instead + why)


def _against_bfloat16(work: float, device: torch.device) -> str | None:
    """Why it would not be faster; None if it is."""
    if device.type == "cuda":
        return None if torch.cuda.is_bf16_supported() else "this GPU does not compute in bfloat16"
    if device.type == "cpu" and not bfloat16_is_native():
        return "this processor has no instructions for bfloat16"
    return "with layers this small, rounding costs more than it saves" if work < BFLOAT16_PAYS else None


def _float32(work: float, device: torch.device) -> tuple[bool, str]:
    """Whether oneDNN computes the products, and why."""
    if device.type != "cpu":
        return False, "Products in float32 by PyTorch's own choice for this device."
    if work < ONEDNN_PAYS:
        return False, "Products in float32 by PyTorch's default library, the fastest for layers this small."
    if not onednn_computes_in_float32():
        return False, "Products in float32 by PyTorch's default library: oneDNN's fastest way is not exact here."
    return True, "Products in float32 by oneDNN: as exact as PyTorch's default here, and faster for layers this wide."


@cache
def bfloat16_is_native() -> bool:
    """Whether this processor has instructions for products of bfloat16."""
    has = torch.cpu.get_capabilities()
    return any(has.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


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


@contextmanager
def onednn() -> Iterator[None]:
    """Within it, oneDNN computes float32 matrix products, as fast as it can."""
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"  # its name for "as fast as possible"
    try:
        yield
    finally:
        matmul.fp32_precision = before


def in_one_thread(operation: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """``operation(*args, **kwargs)``: its sums are made in one order then, whatever the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return operation(*args, **kwargs)
    finally:
        torch.set_num_threads(threads)
