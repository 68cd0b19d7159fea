"""What every engine can do."""

from collections.abc import Collection
from typing import Protocol

from torch import Tensor

from gan_core.config import Network
from gan_core.training.gan import GAN


class Engine(Protocol):
    """A way to compute the updates of one GAN. All engines end in the same weights, bit for bit.

    Walks along the reference path, single updates and iterations may follow one another at any point. The GAN is an
    argument each time: an engine that held it would keep its memory in a reference cycle.
    """

    @property
    def name(self) -> str:
        """The engine in a word or two: "autograd", "manual", "CUDA graph"."""

    @property
    def description(self) -> str:
        """A sentence for the page: how iterations are computed, and why so."""

    def update(self, gan: GAN, network: Network) -> None:
        """One update of this network alone; what it measured is in the GAN's ``measured``."""

    def iterate(self, gan: GAN, row: Tensor) -> None:
        """One iteration; its metrics go into ``row``, float32 ``[len(COLUMNS)]``."""

    def follow(self, gan: GAN, changed: Collection[str]) -> bool:
        """Whether this engine goes on after the settings of these names have changed; False: a new one is made."""

    def forget(self) -> None:
        """The GAN's state was replaced by another: drop whatever was derived from it."""
