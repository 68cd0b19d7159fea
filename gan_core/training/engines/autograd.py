"""The reference path as an engine, for all settings."""

from collections.abc import Collection

from torch import Tensor

from gan_core.config import Network
from gan_core.training.gan import GAN


class AutogradEngine:
    """Computes updates by exhausting ``GAN.walk``. ``reason``: why no faster engine is used, the end of a sentence."""

    name = "autograd"

    def __init__(self, reason: str = "") -> None:
        self.description = "Updates by PyTorch's autograd" + (f": {reason}." if reason else ".")

    def update(self, gan: GAN, network: Network) -> None:
        for _ in gan.walk(network):
            pass

    def iterate(self, gan: GAN, row: Tensor) -> None:
        gan.walk_iteration(row)

    def apply_changes(self, gan: GAN, changed: Collection[str]) -> bool:
        return False

    def fits(self, gan: GAN) -> bool:
        return True

    def reset(self) -> None:
        pass
