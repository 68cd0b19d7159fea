"""The file that keeps a learner's own samples for the runs that use them. Loads no PyTorch."""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.files import save_array

OWN_FILE = "own.npy"  # its name in a run's folder


def fingerprint(array: NDArray[Any]) -> str:
    """Return 16 hexadecimal digits of a hash of the array's values, shape and dtype."""
    whole = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    whole.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return whole.hexdigest()[:16]


def keep(array: NDArray[Any], path: Path) -> str:
    """Write ``array`` as a .npy file, atomically, and return its fingerprint for ``GANConfig.own_data``.

    A run that has the previous file of this name open keeps reading that one. OSError if the disk does not take it.
    """
    save_array(path, array)
    return fingerprint(array)


def link(path: Path, other: Path) -> None:
    """Make the file ``path`` available as ``other`` too: a hard link, or a copy where that is not possible.

    A missing file is not an error here: whoever loads it reports that.
    """
    with suppress(FileNotFoundError):
        try:
            os.link(path, other)
        except (AttributeError, OSError):  # a system or a file system without hard links
            shutil.copyfile(path, other)
