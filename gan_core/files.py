"""Writing files so that a reader never sees half of one."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTIAL = ".partial-"  # how the name of a file begins that is not complete yet


def write_atomically(path: Path, write: Callable[[Path], object], durable: bool = False) -> None:
    """Let ``write`` make a file beside ``path``, then move it there: ``path`` is complete, or stays as it was.

    Two writers of one path do not collide: the later one wins. OSError if the disk does not take the file.
    ``durable``: after a power cut too, for which the disk is waited for. Without it, some file systems may then show the
    new name without its bytes.
    """
    partial = path.with_name(f"{PARTIAL}{secrets.token_hex(4)}-{path.name}")  # same ending: numpy would append one
    try:
        write(partial)
        if durable:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partials(folder: Path) -> None:
    """Remove what writers that were killed have left in ``folder``, where no other one writes now."""
    for partial in folder.glob(f"{PARTIAL}*"):
        partial.unlink(missing_ok=True)


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write ``array`` atomically to ``path``, which ends in .npy. OSError if the disk does not take it."""
    write_atomically(path, lambda partial: np.save(partial, array, allow_pickle=False))
