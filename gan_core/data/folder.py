"""Where datasets are kept."""

import os
from pathlib import Path


def data_folder() -> Path:
    """Return the folder that GAN_DATA_DIR names or, without it, one in the user's cache."""
    named = os.environ.get("GAN_DATA_DIR")
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "gan-training-dashboard"
