"""scikit-learn's bundled handwritten digits, at the size of the lecture's pictures."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.config import GANConfig
from gan_core.data.dataset import Dataset

SIDE = 28


def load_digits(config: GANConfig, own: Path | None = None) -> Dataset:
    """1,797 real scans (UCI ML hand-written digits, 8×8, values 0 to 16), enlarged to 28×28 bicubically.

    Enlarging overshoots a little at sharp edges; values are clamped to [-1, 1], the range of the generator's Tanh.
    """
    scans, labels = _bundled()
    pixels = scans.float().unsqueeze(1) / 8 - 1
    pictures = interpolate(pixels, size=(SIDE, SIDE), mode="bicubic", align_corners=False).clamp(-1, 1)
    return Dataset("digits", "", pictures.flatten(1).contiguous(), (SIDE, SIDE), labels)


def _bundled() -> tuple[Tensor, Tensor]:
    """Return the scans ``[n, 8, 8]`` and their labels, both int64.

    Reads scikit-learn's file without importing scikit-learn, which would take most of a page's first loading time.
    """
    package = find_spec("sklearn")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz" if package and package.origin else None
    if file is not None and file.exists():
        table = np.loadtxt(file, dtype=np.int64, delimiter=",")
    else:  # this version of scikit-learn keeps the file elsewhere
        from sklearn.datasets import load_digits as bundled

        scans = bundled()
        table = np.column_stack([scans.data, scans.target]).astype(np.int64)
    return torch.from_numpy(table[:, :64]).view(-1, 8, 8), torch.from_numpy(table[:, 64])
