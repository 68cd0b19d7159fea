"""The file that holds a run's whole state, in the run's folder, and who may write there."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.files import remove_partials
from gan_core.training.checkpoint import Checkpoint, CheckpointError, read_header

RUN_FILE = "run.safetensors"
ACCESS_FILE = "run.json"  # says who may open the run; a folder without it is removed
START_FILE = "start.safetensors"  # the generator that a run begins with, where nothing is saved yet
LEASE_FILE = "lease"  # names the process that may save here


class Lease:
    """The right to save to a folder: the last process that takes it has it, and one that lives on elsewhere has lost it.

    A server that was killed leaves processes that end a moment later, when a new server may already train their runs on.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LEASE_FILE
        self._token = secrets.token_hex(8)
        self._path.write_text(self._token, encoding="ascii")
        remove_partials(folder)

    @property
    def lost(self) -> bool:
        """Whether another process has taken it."""
        return self._path.exists() and self._path.read_text(encoding="ascii") != self._token


def write_saved(folder: Path, state: Checkpoint) -> None:
    """Write the state atomically, and wait until a power cut cannot harm it. OSError if the disk does not take it."""
    state.write(folder / RUN_FILE, durable=True)


def read_saved(folder: Path) -> Checkpoint | None:
    """Return the state that was saved in ``folder``; None if there is none. CheckpointError if it cannot be read."""
    path = folder / RUN_FILE
    if not path.exists():
        return None
    with refusing(folder):
        return Checkpoint.read(path.read_bytes())


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Say of an error with the saved state that it cannot be opened, and where it stays."""
    try:
        yield
    except (OSError, CheckpointError) as error:
        stays = f" It stays where it is, {folder / RUN_FILE}." if (folder / ACCESS_FILE).exists() else ""
        raise CheckpointError(f"The saved run cannot be opened: {error}{stays}") from error


def saved_config(folder: Path) -> GANConfig:
    """Return the settings of the run that is saved in ``folder``. OSError or CheckpointError if it cannot be read."""
    return Checkpoint({}, read_header(folder / RUN_FILE)).config
