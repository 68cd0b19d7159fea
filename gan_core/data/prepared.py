"""Data sets that are made ready once and then only mapped into memory. Free of PyTorch: the page asks, too.

A prepared set is two .npy files beside the downloaded ones. Every run of the server maps the same pages of them, so
60,000 pictures are in memory once, and a run starts without reading them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gan_core.data.folder import data_folder

# By name: the folder, which is torchvision's name for the set, and the files that torchvision unpacks for training.
FOLDERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}
TRAINING = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


class Progress(NamedTuple):
    """How far some work is: ``done`` of ``total`` in ``unit``; a total of 0 is not known."""

    words: str
    done: int = 0
    total: int = 0
    unit: str = ""


ReportProgress = Callable[[Progress], None]


class PreparedFiles(NamedTuple):
    """A prepared set: uint8 pictures ``[n, features]`` and int64 labels ``[n]``."""

    pictures: Path
    labels: Path


def files(name: str, folder: Path) -> PreparedFiles:
    """Where the prepared set ``name`` is or will be."""
    place = folder / FOLDERS[name]
    return PreparedFiles(place / "train-pictures.npy", place / "train-labels.npy")


def is_prepared(name: str, folder: Path | None = None) -> bool:
    """Whether the set can be had at once: it needs no preparing, or has been prepared from the files that are there."""
    if name not in FOLDERS:
        return True
    folder = folder or data_folder()
    made = files(name, folder)
    if not all(path.is_file() for path in made):
        return False
    sources = [folder / FOLDERS[name] / "raw" / file for file in TRAINING]
    newest = max((path.stat().st_mtime for path in sources if path.is_file()), default=0.0)
    return min(path.stat().st_mtime for path in made) >= newest


def prepare_dataset(name: str, folder: Path, tell: ReportProgress) -> None:
    """Prepare the set; DataError says why it cannot be had. For a process of its own: it imports what reads the set."""
    from gan_core.data.vision import prepare

    prepare(name, folder, tell)
