"""Settings worth starting from."""

from dataclasses import dataclass

from gan_core.config import GANConfig
from gan_core.data import suited


@dataclass(frozen=True)
class Preset:
    """Settings under which something is to be seen, and what it is."""

    title: str
    sentence: str
    config: GANConfig


PRESETS: dict[str, Preset] = {
    "lecture": Preset("The lecture's GAN", "Handwritten digits, every setting as in the lecture.", GANConfig()),
    "ring": Preset("Eight gaussians, learnt", "Small networks in the plane.", suited(GANConfig(), "eight_gaussians")),
}
