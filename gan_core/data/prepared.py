"""torchvision's datasets, downloaded once and kept as .npy files that are only mapped into memory afterwards.

All runs of the server map the same pages of these files, so 60,000 pictures are in memory once, and a run starts without
reading them. Loads no PyTorch before something is prepared: the page asks from here what is.
"""

import errno
import gzip
import os
import re
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from gan_core.data.errors import DataError
from gan_core.data.folder import data_folder
from gan_core.data.import_torchvision import import_torchvision
from gan_core.data.progress import Progress, ReportProgress
from gan_core.data.registry import DATASETS, Source
from gan_core.files import save_array

__all__ = ["PreparedFiles", "Progress", "ReportProgress", "is_prepared", "prepare_dataset", "prepared_files"]

SIDE = 28
TRAINING = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")  # as torchvision unpacks them
REPORT_EVERY = 0.2  # seconds, while a download runs
STAGED = ".downloading-"
STORAGE = {  # what the system's errors mean for the folder of the datasets
    errno.ENOSPC: "the disk is full",
    errno.EACCES: "this program may not write to its data folder, which GAN_DATA_DIR names",
    errno.EROFS: "the disk of the data folder, which GAN_DATA_DIR names, is read-only",
}


class PreparedFiles(NamedTuple):
    """A prepared dataset: uint8 pictures ``[n, features]`` and int64 labels ``[n]``."""

    pictures: Path
    labels: Path


def prepared_files(name: str, folder: Path) -> PreparedFiles:
    """Return the paths at which the dataset ``name`` is or will be kept."""
    place = folder / DATASETS[name].torchvision
    return PreparedFiles(place / "train-pictures.npy", place / "train-labels.npy")


def is_prepared(name: str, folder: Path | None = None) -> bool:
    """Return whether the dataset loads without a download: it needs none, or its current files have been prepared."""
    if name not in DATASETS or not DATASETS[name].torchvision:
        return True
    folder = folder or data_folder()
    prepared = prepared_files(name, folder)
    if not all(path.is_file() for path in prepared):
        return False
    raw = [_raw(DATASETS[name], folder) / file for file in TRAINING]
    newest = max((path.stat().st_mtime for path in raw if path.is_file()), default=0.0)
    return min(path.stat().st_mtime for path in prepared) >= newest


def prepare_dataset(name: str, folder: Path, report: ReportProgress = lambda progress: None) -> None:
    """Write the prepared files. Files already in ``folder`` are used without a network, others downloaded and verified.

    DataError says what went wrong and what to do; an incomplete file never counts as data. On the page this is a job
    in a process of its own.
    """
    source = DATASETS[name]
    report(Progress(f"Looking for {source.title}"))
    whole = getattr(_torchvision_for(source).datasets, source.torchvision)
    # Only the training files: torchvision's class would also download those for testing.
    kind: Any = type(whole.__name__, (whole,), {"resources": whole.resources[: len(TRAINING)]})
    raw = _raw(source, folder)
    try:
        if not all((raw / file).is_file() for file in TRAINING):
            title, total = f"Downloading {source.title}", source.download
            _download(kind, folder, raw, lambda done: report(Progress(title, min(done, total), total, "bytes")))
    except Exception as error:  # network, disk, checksums, broken archives
        archives = " and ".join(file for file, _ in kind.resources)
        raise DataError(
            f"{source.title} could not be downloaded: {_reason(error)} Try again, copy {archives} into {raw},"
            " or choose the bundled digits, which need no download."
        ) from error
    report(Progress(f"Reading {source.title}"))
    try:
        _write(kind(folder, train=True), prepared_files(name, folder))
    except OSError as error:
        raise DataError(f"{source.title} could not be stored: {_reason(error)}") from error
    except Exception as error:  # torchvision's reader raises whatever its parsing meets
        raise DataError(
            f"{source.title} could not be read: its files are damaged. Delete {' and '.join(TRAINING)} in {raw}, then try"
            " again."
        ) from error


def _torchvision_for(source: Source) -> Any:
    try:
        return import_torchvision()
    except ModuleNotFoundError as error:
        raise DataError(
            f"{source.title} needs torchvision, which is not installed. Install it with: pip install torchvision."
        ) from error


def _raw(source: Source, folder: Path) -> Path:
    """torchvision's own folder for the downloaded files."""
    return folder / source.torchvision / "raw"


def _write(read: Any, prepared: PreparedFiles) -> None:
    """Keep what torchvision has read; labels first, so that pictures are never there without them."""
    if read.data.shape[1:] != (SIDE, SIDE) or len(read.data) != len(read.targets):
        raise ValueError(f"its files hold pictures {tuple(read.data.shape)} and labels {tuple(read.targets.shape)}")
    save_array(prepared.labels, read.targets.long().numpy())
    save_array(prepared.pictures, read.data.flatten(1).contiguous().numpy())


def _download(kind: Any, folder: Path, raw: Path, report: Callable[[int], None]) -> None:
    """Let torchvision download, verify and unpack into a temporary folder, then move the files to ``raw``.

    Archives that are already in ``raw`` are verified and used instead. ``report`` gets the bytes downloaded so far.
    """
    raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=STAGED, dir=folder) as temporary:
        staged = Path(temporary) / raw.relative_to(folder)
        staged.mkdir(parents=True)
        for archive in raw.glob("*.gz"):
            shutil.copy(archive, staged)
        with _reporting(staged, report):
            kind(temporary, download=True)
        for file in TRAINING:
            os.replace(staged / file, raw / file)


@contextmanager
def _reporting(staged: Path, report: Callable[[int], None]) -> Iterator[None]:
    """Report the size of the archives in ``staged`` regularly: torchvision shows its progress in the terminal only."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(REPORT_EVERY):
            report(sum(path.stat().st_size for path in staged.glob("*.gz")))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _reason(error: Exception) -> str:
    """Return what failed as the end of a sentence; torchvision wraps most errors in a text of its own."""
    text = str(error)
    if refused := re.search(r"HTTP Error (\d+)", text):
        return f"the server has no such file, or refuses it (HTTP error {refused.group(1)})."
    if "urlopen error" in text or isinstance(error, (ConnectionError, TimeoutError, HTTPException)):
        return "the server could not be reached. Is there a network connection?"
    if "corrupted" in text or isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)):
        return "the downloaded file is incomplete or damaged."
    if isinstance(error, OSError) and error.errno in STORAGE:
        return f"{STORAGE[error.errno]}."
    return f"{' '.join(text.split())[:200] or type(error).__name__}."
