"""Where datasets are kept."""

import os
import tempfile
from pathlib import Path

PROGRAM = "gan-training-dashboard"


def data_folder() -> Path:
    """Return the folder that GAN_DATA_DIR names or, without it, one in the user's cache."""
    named = os.environ.get("GAN_DATA_DIR")
    return Path(os.path.expanduser(named)) if named else cache_folder()


def cache_folder() -> Path:
    """Return this program's folder in the user's cache, or a temporary one for a user who has no home."""
    cache = os.environ.get("XDG_CACHE_HOME")
    if cache:
        return Path(cache) / PROGRAM
    try:
        return Path.home() / ".cache" / PROGRAM
    except RuntimeError:  # neither HOME nor an entry for this user
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"{PROGRAM}-{user}"


def is_writable(folder: Path) -> bool:
    """Return whether files can be made in ``folder``, which may have to be made first."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(there, os.W_OK)
