"""Choose how a run's matrix products are computed."""

import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import torch

from gan_core.architecture import MIN_WORK_FOR_BFLOAT16, MIN_WORK_FOR_ONEDNN, mean_multiplications
from gan_core.config import GANConfig

Result = TypeVar("Result")


@dataclass(frozen=True)
class Arithmetic:
    """The chosen arithmetic. ``description``: what was chosen and why, for the page."""

    device: str
    dtype: torch.dtype
    onednn: bool
    description: str

    @contextmanager
    def products(self) -> Iterator[None]:
        """Compute float32 matrix products by the chosen library within the context."""
        with onednn() if self.onednn else nullcontext():
            yield

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Use the chosen library and dtype within the context: for forward passes, whose dtype backward passes follow."""
        # A CUDA graph must not read cached weights that were rounded outside of it.
        autocast = torch.autocast(
            self.device, torch.bfloat16, enabled=self.dtype == torch.bfloat16, cache_enabled=self.device != "cuda"
        )
        with self.products(), autocast:
            yield


def choose_arithmetic(config: GANConfig, features: int, device: torch.device) -> Arithmetic:
    """Choose the fastest arithmetic in the configured precision for samples of ``features`` values.

    float32 replaces bfloat16 where that would not be faster.
    """
    work = mean_multiplications(config, features)
    wanted = config.precision == "bfloat16"
    reason = _reason_against_bfloat16(work, device) if wanted else None
    if wanted and reason is None:
        description = (
            "Products in bfloat16, which this machine computes fastest; weights, losses and optimisers in float32."
        )
        return Arithmetic(device.type, torch.bfloat16, False, description)
    instead = f"float32 instead of bfloat16: {reason}. " if reason else ""
    fast, why = _float32(work, device)
    return Arithmetic(device.type, torch.float32, fast, instead + why)


def _reason_against_bfloat16(work: float, device: torch.device) -> str | None:
    """Return why bfloat16 would not be faster, as part of a sentence; None if it is faster."""
    if device.type == "cuda":
        return None if torch.cuda.is_bf16_supported() else "this GPU does not compute in bfloat16"
    if device.type == "cpu" and not bfloat16_is_native():
        return "this processor has no instructions for bfloat16"
    return "with layers this small, rounding costs more than it saves" if work < MIN_WORK_FOR_BFLOAT16 else None


def _float32(work: float, device: torch.device) -> tuple[bool, str]:
    """Return whether oneDNN computes the products, and why."""
    if device.type != "cpu":
        return False, "Products in float32 by PyTorch's own choice for this device."
    if work < MIN_WORK_FOR_ONEDNN:
        return False, "Products in float32 by PyTorch's default library, the fastest for layers this small."
    if not onednn_computes_in_float32():
        return (
            False,
            "Products in float32 by PyTorch's default library: oneDNN has no fast mode in full float32 here.",
        )
    return True, "Products in float32 by oneDNN: as exact as PyTorch's default here, and faster for layers this wide."


@cache
def bfloat16_is_native() -> bool:
    """Whether this processor has instructions for products of bfloat16."""
    has = torch.cpu.get_capabilities()
    return any(has.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@cache
def onednn_computes_in_float32() -> bool:
    """Whether oneDNN's fastest mode for float32 products really computes in float32 on this processor.

    It is up to twice as fast as MKL on some processors. On processors with bfloat16 tiles, and on ARM, the same mode
    rounds the factors; the error is measured, because a processor's name does not show it.
    """
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    random = torch.Generator().manual_seed(0)
    left, right = (torch.randn(256, 256, generator=random, dtype=torch.float32) for _ in range(2))
    exact = left.double() @ right.double()
    with onednn():
        error = (left @ right - exact).norm() / exact.norm()
    return float(error) < 1e-6


@contextmanager
def onednn() -> Iterator[None]:
    """Compute float32 matrix products by oneDNN, in its fastest mode, within the context."""
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"  # oneDNN's name for "as fast as possible"
    try:
        yield
    finally:
        matmul.fp32_precision = before


@contextmanager
def usual_modes() -> Iterator[None]:
    """Compute without the modes of PyTorch that a caller may have left on: no_grad, inference mode, autocast."""
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


def in_one_thread(operation: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Return ``operation(*args, **kwargs)``, computed in one thread: the order of its sums is then always the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return operation(*args, **kwargs)
    finally:
        torch.set_num_threads(threads)
