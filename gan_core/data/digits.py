"""scikit-learn's bundled handwritten digits, at the size of the lecture's pictures."""

from pathlib import Path

import torch
from torch.nn.functional import interpolate

from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.dataset import Dataset

SIDE = 28


def load_digits(config: GANConfig, own: Path | None = None) -> Dataset:
    """1,797 real scans (UCI ML hand-written digits, 8×8, values 0 to 16), enlarged to 28×28 bicubically.

    Enlarging overshoots a little at sharp edges; what leaves [-1, 1], the range of the generator's Tanh, is
    cut off.
    """
    from sklearn.datasets import load_digits as bundled  # about a second to import: only when needed

    scans = bundled()
    pixels = torch.from_numpy(scans.images).float().unsqueeze(1) / 8 - 1
    pictures = interpolate(pixels, size=(SIDE, SIDE), mode="bicubic", align_corners=False).clamp(-1, 1)
    labels = torch.from_numpy(scans.target).long()
    return Dataset("digits", DATASETS["digits"].title, pictures.flatten(1).contiguous(), (SIDE, SIDE), labels)
