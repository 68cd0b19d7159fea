"""Settings with which a typical behaviour of GANs can be watched. Loads no PyTorch."""

from dataclasses import dataclass

from gan_core.config import GANConfig
from gan_core.data import with_recommended_settings


@dataclass(frozen=True)
class Preset:
    """Settings to start from, with a title and a description of what to watch."""

    title: str
    description: str
    config: GANConfig


_RING = with_recommended_settings(GANConfig(), "eight_gaussians")

PRESETS: dict[str, Preset] = {
    "lecture": Preset(
        "The lecture's GAN",
        "Handwritten digits, with all settings as in the lecture. First shapes appear within a few hundred iterations.",
        GANConfig(),
    ),
    "ring": Preset(
        "Eight Gaussians, learned",
        "Two small networks and a ring of eight clouds; D's learning rate is four times G's. Watch the fakes reach all"
        " eight clouds within about a thousand iterations.",
        _RING,
    ),
    # D is too slow for G: before it tells the fakes from real points, they have moved on.
    "mode_collapse": Preset(
        "Mode collapse",
        "The same ring, but G takes five large steps for each small step of D. Most of the time the fakes are nearly alike:"
        " they move from place to place together, and D scores them about 0.5.",
        _RING.replace(g_steps=5, learning_rate_g=4e-3, learning_rate_d=1e-3),
    ),
    "drawing": Preset(
        "Follow a drawing",
        "Your drawing is the real distribution. Draw while it trains, and the fakes follow your brush.",
        with_recommended_settings(GANConfig(), "drawn"),
    ),
}
