"""Settings under which something is to be seen. Free of PyTorch: the page offers them."""

from dataclasses import dataclass

from gan_core.config import GANConfig
from gan_core.data import with_recommended_settings


@dataclass(frozen=True)
class Preset:
    """Settings to begin with, what they are called, and a sentence on what to watch."""

    title: str
    sentence: str
    config: GANConfig


_RING = with_recommended_settings(GANConfig(), "eight_gaussians")

PRESETS: dict[str, Preset] = {
    "lecture": Preset(
        "The lecture's GAN",
        "Handwritten digits, every setting as in the lecture. First shapes come within some hundred iterations.",
        GANConfig(),
    ),
    "ring": Preset(
        "Eight gaussians, learnt",
        "Two small networks on a ring of eight clouds; D learns four times as fast as G. Watch G's sheet tear towards all"
        " eight within about a thousand iterations.",
        _RING,
    ),
    # D too slow for G: G moves all fakes to the one place that D likes best now, D learns to refuse it, and G hops on.
    "mode_collapse": Preset(
        "Mode collapse",
        "The same ring, but G takes five large steps for each small one of D. All fakes gather in one spot, where D takes"
        " them for real at this moment; when D has learnt to refuse it, they hop on.",
        _RING.replace(g_steps=5, learning_rate_g=4e-3, learning_rate_d=1e-3),
    ),
    "drawing": Preset(
        "A drawing, followed",
        "The real distribution is what you paint. Draw while it trains: G's fakes go after your brush.",
        with_recommended_settings(GANConfig(), "drawn"),
    ),
}
