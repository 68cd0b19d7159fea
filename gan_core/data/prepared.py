"""torchvision's datasets, downloaded once and kept as .npy files that are only mapped into memory afterwards.

All runs of the server map the same pages of these files, so 60,000 pictures are in memory once, and a run starts without
reading them. Loads no PyTorch before something is prepared: the page asks from here what is.
"""

import errno
import gzip
import hashlib
import os
import re
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from gan_core.data.errors import DataError
from gan_core.data.folder import cache_folder, data_folder, is_writable
from gan_core.data.idx_files import TRAINING, IdxFiles, find_idx_files, unpacked
from gan_core.data.import_torchvision import import_torchvision
from gan_core.data.progress import Progress, ReportProgress
from gan_core.data.registry import DATASETS, Source
from gan_core.files import remove_partials, save_array

__all__ = [
    "PreparedFiles",
    "Progress",
    "ReportProgress",
    "is_prepared",
    "prepare_dataset",
    "prepared_files",
    "remove_abandoned",
]

SIDE = 28
REPORT_EVERY = 0.2  # seconds, while a download runs
STAGED = ".downloading-"
LOCK_FILE = "lock"  # held by the process that prepares a dataset, until it ends
STORAGE = {  # what the system's errors mean for the folder of the datasets
    errno.ENOSPC: "the disk is full",
    errno.EACCES: "this program may not write to its data folder; GAN_DATA_DIR can name another",
    errno.EROFS: "the disk of the data folder is read-only; GAN_DATA_DIR can name another",
}


class PreparedFiles(NamedTuple):
    """A prepared dataset: uint8 pictures ``[n, features]`` and int64 labels ``[n]``."""

    pictures: Path
    labels: Path


def prepared_files(name: str, folder: Path) -> PreparedFiles:
    """Return the paths at which the dataset ``name`` is or will be kept: beside its downloaded files if that is possible."""
    place = folder / DATASETS[name].torchvision
    files = PreparedFiles(place / "train-pictures.npy", place / "train-labels.npy")
    if all(path.is_file() for path in files) or is_writable(place):
        return files
    digest = hashlib.sha256(bytes(folder.resolve())).hexdigest()[:16]
    return PreparedFiles(*(cache_folder() / f"{place.name}-{digest}" / path.name for path in files))


def is_prepared(name: str, folder: Path | None = None) -> bool:
    """Return whether the dataset loads without a download: it needs none, or its current files have been prepared."""
    if name not in DATASETS or not DATASETS[name].torchvision:
        return True
    folder = folder or data_folder()
    prepared = prepared_files(name, folder)
    if not all(path.is_file() for path in prepared):
        return False
    downloaded = find_idx_files(folder, DATASETS[name].torchvision) or ()
    newest = max((path.stat().st_mtime for path in downloaded), default=0.0)
    return min(path.stat().st_mtime for path in prepared) >= newest


def prepare_dataset(name: str, folder: Path, report: ReportProgress = lambda progress: None) -> None:
    """Write the prepared files. Files already in ``folder`` are used without a network, others downloaded and verified.

    DataError says what went wrong and what to do; an incomplete file never counts as data. On the page this is a job
    in a process of its own.
    """
    source, files = DATASETS[name], prepared_files(name, folder)
    report(Progress(f"Looking for {source.title}"))
    torchvision = _torchvision_for(source)
    try:
        files.labels.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{source.title} could not be stored: {_reason(error)}") from error
    with _held(files.labels.parent):
        _prepare(torchvision, source, folder, files, report)


def _prepare(torchvision: Any, source: Source, folder: Path, files: PreparedFiles, report: ReportProgress) -> None:
    downloaded = find_idx_files(folder, source.torchvision) or _downloaded(torchvision, source, folder, report)
    report(Progress(f"Reading {source.title}"))
    pictures, labels = _read(torchvision, source, downloaded, files.labels.parent)
    try:
        save_array(files.labels, labels)  # first, so that pictures are never there without them
        save_array(files.pictures, pictures)
    except OSError as error:
        raise DataError(f"{source.title} could not be stored: {_reason(error)}") from error


def remove_abandoned(folder: Path | None = None) -> None:
    """Remove what processes that were killed while they prepared a dataset have left; what others prepare now stays."""
    for name in filter(lambda name: DATASETS[name].torchvision, DATASETS):
        place = prepared_files(name, folder or data_folder()).labels.parent
        if place.is_dir():
            with suppress(Timeout), _held(place, wait=0):
                pass


@contextmanager
def _held(place: Path, wait: float = -1) -> Iterator[None]:
    """Keep others from preparing a dataset in ``place`` meanwhile, and remove what killed ones left there.

    Timeout after ``wait`` seconds, which may be negative for any time.
    """
    lock = FileLock(place / LOCK_FILE, timeout=wait)
    try:
        lock.acquire()
        remove_partials(place)
        for staged in place.glob(f"{STAGED}*"):
            shutil.rmtree(staged, ignore_errors=True)
    except Timeout:
        raise
    except (NotImplementedError, OSError):  # no locks there, or no file: nobody knows whose the partial files are
        pass
    try:
        yield
    finally:
        if lock.is_locked and os.name != "nt":  # where an open file cannot be removed, and releasing it does
            with suppress(OSError):
                (place / LOCK_FILE).unlink()
        lock.release()


def _read(torchvision: Any, source: Source, files: IdxFiles, place: Path) -> tuple[Any, Any]:
    """Return the pictures, uint8 ``[n, features]``, and the labels, int64 ``[n]``."""
    reader = torchvision.datasets.mnist
    try:
        with unpacked(files, place / STAGED) as (images, labels):
            pictures, classes = reader.read_image_file(str(images)), reader.read_label_file(str(labels))
        if pictures.shape[1:] != (SIDE, SIDE) or len(pictures) != len(classes):
            raise ValueError(f"its files hold pictures {tuple(pictures.shape)} and labels {tuple(classes.shape)}")
    except Exception as error:  # torchvision's reader raises whatever its parsing meets
        if isinstance(error, PermissionError):
            raise DataError(f"{source.title} could not be read: this program may not read {error.filename}.") from error
        if isinstance(error, OSError) and error.errno in STORAGE:
            raise DataError(f"{source.title} could not be read: {_reason(error)}") from error
        named = " and ".join(map(str, files))
        raise DataError(
            f"{source.title} could not be read: its files are damaged. Delete {named}, then try again."
        ) from error
    return pictures.flatten(1).contiguous().numpy(), classes.long().numpy()


def _downloaded(torchvision: Any, source: Source, folder: Path, report: ReportProgress) -> IdxFiles:
    """Download the training files and return them."""
    whole = getattr(torchvision.datasets, source.torchvision)
    # Only the training files: torchvision's class would also download those for testing.
    kind: Any = type(whole.__name__, (whole,), {"resources": whole.resources[: len(TRAINING)]})
    raw = _raw(source, folder)
    title, total = f"Downloading {source.title}", source.download
    try:
        _download(kind, folder, raw, lambda done: report(Progress(title, min(done, total), total, "bytes")))
    except Exception as error:  # network, disk, checksums, broken archives
        archives = " and ".join(file for file, _ in kind.resources)
        raise DataError(
            f"{source.title} could not be downloaded: {_reason(error)} Try again, copy {archives} into {raw},"
            " or choose the bundled digits, which need no download."
        ) from error
    return IdxFiles(*(raw / file for file in TRAINING))


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


def _download(kind: Any, folder: Path, raw: Path, report: Callable[[int], None]) -> None:
    """Let torchvision download, verify and unpack into a temporary folder, then move the files to ``raw``.

    Archives that are already in ``raw`` are verified and used instead. ``report`` gets the bytes downloaded so far.
    """
    raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=STAGED, dir=raw.parent) as temporary:
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
