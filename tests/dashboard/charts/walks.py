"""Real stages for the tests of what the Step through page draws."""

from collections.abc import Iterator

from gan_core.config import GANConfig
from gan_core.diagnostics.views import StageView
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.training.trainer import Trainer

SMALL = GANConfig(generator_hidden=(8,), discriminator_hidden=(8,), batch_size=16, latent_dim=3)


def walk_through(config: GANConfig = SMALL) -> Iterator[StageView]:
    """Yield the views of all stages of one iteration."""
    walkthrough = Walkthrough(Trainer(config))
    while not walkthrough.finished:
        yield walkthrough.advance()
