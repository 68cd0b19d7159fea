"""Importing torchvision beside a PyTorch that it was not built for. Loads neither before it is called."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@cache
def import_torchvision() -> Any:
    """Return torchvision, also beside a CPU-only PyTorch.

    torchvision's wheel is built for CUDA. Where its compiled operators cannot be loaded, importing it fails because it
    registers two of them unconditionally; declaring these two before, without an implementation, avoids that. Where the
    real ones load, a second declaration aborts the process, so it is not made. Other import errors are not caught.
    """
    if not _operators_load():
        import torch

        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
    import torchvision.datasets

    return torchvision


def _operators_load() -> bool:
    """Return whether torchvision's compiled operators fit this PyTorch; True if it has none or is not installed."""
    import torch

    found = find_spec("torchvision")
    compiled = sorted(Path(found.origin).parent.glob("_C.*")) if found and found.origin else []
    try:
        for path in compiled:
            torch.ops.load_library(str(path))  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True
