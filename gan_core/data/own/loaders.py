"""The kept file of the learner's own data → Dataset."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.dataset import Dataset
from gan_core.data.errors import DataError
from gan_core.data.own.samples import fingerprint


def load_own_pictures(config: GANConfig, own: Path | None = None) -> Dataset:
    """The pictures in ``own``, uint8; DataError if they are not there or not those of ``config``."""
    array = _opened(config, own, "pictures")
    side = config.picture_size
    if array.dtype != np.uint8 or array.ndim != 3:
        raise DataError("The file of your own data holds no pictures: upload pictures, or choose My own points.")
    if array.shape[1:] != (side, side):
        found = "×".join(map(str, array.shape[1:]))
        raise DataError(f"Your own pictures were brought to {found} pixels, not {side}×{side}: upload them again.")
    return _dataset("own_pictures", array)


def load_own_points(config: GANConfig, own: Path | None = None) -> Dataset:
    """The points in ``own``, float32; DataError if they are not there or not those of ``config``."""
    array = _opened(config, own, "points")
    if array.dtype != np.float32 or array.shape[1:] != (2,):
        raise DataError("The file of your own data holds no points: upload a CSV, or choose My own pictures.")
    return _dataset("own_points", array)


def _opened(config: GANConfig, own: Path | None, kind: str) -> NDArray[Any]:
    """The file's array, mapped into memory copy-on-write: its runs share one copy, and none can change another's."""
    again = f"upload the {kind} again. Uploads are not kept once their run has ended."
    if own is None or not own.exists():
        raise DataError(f"Your own {kind} are not here: {again}")
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(own, mode="c")  # .npy alone, and it never unpickles
    except (OSError, ValueError) as error:
        raise DataError(f"The file of your own {kind} cannot be read: {again}") from error
    if fingerprint(array) != config.own_data:
        raise DataError(f"The {kind} that are here are not those of these settings: {again}")
    return array


def _dataset(name: str, array: NDArray[Any]) -> Dataset:
    samples = torch.from_numpy(array.view(np.ndarray))  # the very pages of the file
    return Dataset(name, DATASETS[name].title, samples.flatten(1), tuple(array.shape[1:]))
