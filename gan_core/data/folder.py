"""Where data sets are kept."""

import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def data_folder() -> Path:
    """The folder that GAN_DATA_DIR names or, without it, one in the user's cache."""
    named = os.environ.get("GAN_DATA_DIR")
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "gan-training-dashboard"


def save_whole(path: Path, array: NDArray[Any]) -> None:
    """Write ``array`` as .npy so that a reader never sees half of it, and two writers do not meet."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
