"""The reference path as an engine, for every setting."""

from collections.abc import Collection

from torch import Tensor

from gan_core.config import Network
from gan_core.training.gan import GAN


class AutogradEngine:
    """Exhausts ``GAN.walk``. ``reason``: why no faster engine is used, the end of a sentence."""

    name = "autograd"

    def __init__(self, gan: GAN, reason: str = "") -> None:
        self._gan = gan
        self.description = "Updates by PyTorch's autograd" + (f": {reason}." if reason else ".")

    def update(self, network: Network) -> None:
        for _ in self._gan.walk(network):
            pass

    def iterate(self, row: Tensor) -> None:
        self._gan.walk_iteration(row)

    def follow(self, changed: Collection[str]) -> bool:
        return False

    def forget(self) -> None:
        pass
