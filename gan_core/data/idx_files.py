"""MNIST's training files in a folder, under the names that its mirrors give them."""

import gzip
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

TRAINING = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")  # as the original archives are called
PACKED = ".gz"


class IdxFiles(NamedTuple):
    """A dataset as it was downloaded: each file unpacked, or an archive that ends in .gz."""

    images: Path
    labels: Path


def find_idx_files(folder: Path, dataset: str) -> IdxFiles | None:
    """Return the training files of ``dataset``, a name such as "FashionMNIST", in a folder of its name; None without.

    Names differ between mirrors: "train-images.idx3-ubyte", "train_images_idx3_ubyte.gz", a folder that is called like the
    file in it, and "fashion-mnist" for the folder.
    """
    found: dict[str, Path] = {}
    for place in _folders(folder, dataset):
        for path in sorted(chain(place.glob("*"), place.glob("*/*"), place.glob("*/*/*"))):
            name = path.name.lower().removesuffix(PACKED).replace(".", "-").replace("_", "-")
            if name in TRAINING and path.is_file() and (name not in found or found[name].suffix == PACKED):
                found[name] = path
    return IdxFiles(*(found[name] for name in TRAINING)) if len(found) == len(TRAINING) else None


def _folders(folder: Path, dataset: str) -> list[Path]:
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    return [place for place in places if place.is_dir() and _plain(place.name) == _plain(dataset)]


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


@contextmanager
def unpacked(files: IdxFiles, place: Path) -> Iterator[IdxFiles]:
    """Yield the files, those that are archives unpacked beside ``place``, whose name theirs begins with.

    EOFError, OSError, zlib.error.
    """
    with ExitStack() as stack:
        yield IdxFiles(*(_unpack(path, place, stack) if path.suffix == PACKED else path for path in files))


def _unpack(path: Path, place: Path, stack: ExitStack) -> Path:
    temporary = tempfile.TemporaryDirectory(prefix=place.name, dir=place.parent)
    target = Path(stack.enter_context(temporary)) / "file"
    with gzip.open(path) as archive, target.open("wb") as file:
        shutil.copyfileobj(archive, file)
    return target
