"""The speeds that the page offers."""

from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.runs.protocol import Speed

SPEEDS = {
    "slow": Speed(slow_motion=True),
    "1": Speed(1),
    "5": Speed(5),
    "25": Speed(25),
    "100": Speed(100),
    "max": Speed(),
}


def recommended_speed(config: GANConfig) -> str:
    """Return the speed that a run begins with: 2-D data would be learned between two updates of the page."""
    return "25" if DATASETS[config.dataset].kind == "points" else "max"


def name_of(speed: Speed) -> str:
    """Return the name of one of ``SPEEDS``."""
    return next(name for name, offered in SPEEDS.items() if offered == speed)
