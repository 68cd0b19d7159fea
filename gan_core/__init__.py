"""A small, exact PyTorch core for watching GANs train.

``GANConfig`` and ``Trainer`` are the public API. Importing this package does not load PyTorch: the page's process needs
only the settings, and only the process that trains needs PyTorch.
"""

from typing import TYPE_CHECKING, Any

from gan_core.config import GANConfig

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer

__all__ = ["GANConfig", "Trainer"]


def __getattr__(name: str) -> Any:
    if name == "Trainer":
        from gan_core.training.trainer import Trainer

        return Trainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
