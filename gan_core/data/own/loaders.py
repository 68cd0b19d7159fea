"""The file that keeps a learner's own samples → Dataset."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gan_core.config import GANConfig
from gan_core.data.dataset import Dataset
from gan_core.data.errors import DataError
from gan_core.data.own.samples import fingerprint
from gan_core.data.registry import DATASETS


def load_own_pictures(config: GANConfig, own: Path | None = None) -> Dataset:
    """Return the pictures in ``own``, uint8; DataError if it is missing or not the file that ``config`` names."""
    array = _opened(config, own, "pictures")
    side = config.picture_size
    if array.dtype != np.uint8 or array.ndim != 3:
        raise DataError(
            f"The file of your own data contains no pictures: upload pictures, or choose {DATASETS['own_points'].title}."
        )
    if array.shape[1:] != (side, side):
        found = "×".join(map(str, array.shape[1:]))
        raise DataError(f"Your own pictures were scaled to {found} pixels, not {side}×{side}: upload them again.")
    return _dataset(config, array)


def load_own_points(config: GANConfig, own: Path | None = None) -> Dataset:
    """Return the points in ``own``, float32; DataError if it is missing or not the file that ``config`` names."""
    array = _opened(config, own, "points")
    if array.dtype != np.float32 or array.shape[1:] != (2,):
        raise DataError(
            f"The file of your own data contains no points: upload a CSV, or choose {DATASETS['own_pictures'].title}."
        )
    return _dataset(config, array)


def _opened(config: GANConfig, own: Path | None, kind: str) -> NDArray[Any]:
    """Return the file's array, mapped copy-on-write: all runs share its pages, and none can change them for another."""
    again = f"upload the {kind} again. Uploads are not kept once their run has ended."
    if own is None or not own.exists():
        raise DataError(f"Your own {kind} are not available: {again}")
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(own, mode="c")  # reads .npy only, and never unpickles
    except (OSError, ValueError) as error:
        raise DataError(f"The file of your own {kind} cannot be read: {again}") from error
    if fingerprint(array) != config.own_data:
        raise DataError(f"The available {kind} are not those of these settings: {again}")
    return array


def _dataset(config: GANConfig, array: NDArray[Any]) -> Dataset:
    samples = torch.from_numpy(array.view(np.ndarray))  # shares the mapped pages
    return Dataset(config.dataset, "", samples.flatten(1), tuple(array.shape[1:]))
