"""MNIST and the datasets of its format, prepared files → Dataset."""

from pathlib import Path

import numpy as np
import torch

from gan_core.config import GANConfig
from gan_core.data.dataset import Dataset
from gan_core.data.folder import data_folder
from gan_core.data.prepared import SIDE, is_prepared, prepare_dataset, prepared_files


def load(config: GANConfig, own: Path | None = None) -> Dataset:
    """MNIST, Fashion-MNIST or KMNIST: 60,000 training pictures, 28×28 (LeCun et al. 1998, Xiao et al. 2017, Clanuwat
    et al. 2018), mapped into memory; prepared first if necessary."""
    name, folder = config.dataset, data_folder()
    if not is_prepared(name, folder):
        prepare_dataset(name, folder)
    # Mode "c" is copy-on-write: all runs share the pages, and none can change them for another.
    pictures, labels = (torch.from_numpy(np.load(path, mmap_mode="c")) for path in prepared_files(name, folder))
    return Dataset(name, "", pictures, (SIDE, SIDE), labels)
