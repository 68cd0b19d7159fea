"""The protocol of all engines."""

from collections.abc import Collection
from typing import Protocol

from torch import Tensor

from gan_core.config import Network
from gan_core.training.gan import GAN


class Engine(Protocol):
    """A way to compute the updates of one GAN. All engines end in the same weights, bit for bit.

    Walks on the reference path, single updates and iterations may follow one another in any order. The GAN is an
    argument of each method, because an engine that held it would create a reference cycle.
    """

    @property
    def name(self) -> str:
        """The engine's name: "autograd", "manual", "CUDA graph"."""

    @property
    def description(self) -> str:
        """A sentence for the page: how iterations are computed, and why."""

    def update(self, gan: GAN, network: Network) -> None:
        """Update this network alone and put its metrics into the GAN's ``measured``."""

    def iterate(self, gan: GAN, row: Tensor) -> None:
        """Train one iteration and write its metrics into ``row``, float32 ``[len(COLUMNS)]``."""

    def apply_changes(self, gan: GAN, changed: Collection[str]) -> bool:
        """Adapt to changes of the settings of these names; False if a new engine is needed instead."""

    def fits(self, gan: GAN) -> bool:
        """Return whether this engine still computes ``gan``; False if a user has replaced what it has captured of it."""

    def reset(self) -> None:
        """Drop everything derived from the GAN's state, which was replaced."""
