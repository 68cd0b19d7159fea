"""torchvision's picture sets, and torchvision itself beside a PyTorch that it was not built for."""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.dataset import Dataset
from gan_core.data.errors import DataError
from gan_core.data.folder import data_folder, save_whole
from gan_core.data.prepared import FOLDERS, TRAINING, PreparedFiles, Progress, ReportProgress, files, is_prepared

SIDE = 28
WATCH = 0.2  # seconds between two looks at how much has come
STAGED = ".downloading-"


@cache
def import_torchvision() -> Any:
    """torchvision, also beside a CPU-only PyTorch.

    The wheel is built for CUDA. Where its compiled operators cannot be loaded, two of them are registered
    unguarded on import and it fails; declaring them first, with nothing behind them, cures that. Only then: where
    the real ones load, a second declaration aborts the process. Any other failure of the import is shown as it is.
    """
    if not _operators_load():
        library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)  # the declarations last as long as it does
    import torchvision.datasets

    return torchvision


_kept: list[Any] = []


def _operators_load() -> bool:
    """Whether torchvision's compiled operators fit this PyTorch; True if it has none or is not installed."""
    found = find_spec("torchvision")
    compiled = sorted(Path(found.origin).parent.glob("_C.*")) if found and found.origin else []
    try:
        for path in compiled:
            torch.ops.load_library(str(path))  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True


def load(config: GANConfig, own: Path | None = None) -> Dataset:
    """MNIST, Fashion-MNIST or KMNIST: 60,000 training pictures, 28×28 (LeCun et al. 1998, Xiao et al. 2017, Clanuwat
    et al. 2018), mapped into memory; prepared first where that has not been done."""
    name, folder = config.dataset, data_folder()
    if not is_prepared(name, folder):
        prepare(name, folder)
    made = files(name, folder)
    # Copy on write: the pages are those of every other run, and nobody can change them for another.
    pictures, labels = (torch.from_numpy(np.load(path, mmap_mode="c")) for path in made)
    return Dataset(name, DATASETS[name].title, pictures, (SIDE, SIDE), labels)


def prepare(name: str, folder: Path, tell: ReportProgress = lambda progress: None) -> None:
    """Make the set ready: files that are there are used without any network, others downloaded and verified.

    DataError says what went wrong and what to do; half a file never counts as data.
    """
    title = DATASETS[name].title
    tell(Progress(f"Looking for {title}"))
    kind = _training_half(getattr(import_torchvision().datasets, FOLDERS[name]))
    try:
        if not all((_raw(kind, folder) / file).is_file() for file in TRAINING):
            _fetch(kind, folder, lambda done: tell(_downloading(name, done)))
        tell(Progress(f"Reading {title}"))
        _write(kind, folder, files(name, folder))
    except Exception as error:  # network, disk, checksums, broken archives: one sentence, and the cause behind it
        raise DataError(_refusal(kind, folder, error)) from error


def _training_half(kind: Any) -> Any:
    """torchvision's class, for the training files alone: it would also ask for those for testing."""
    return type(kind.__name__, (kind,), {"resources": kind.resources[: len(TRAINING)]})


def _downloading(name: str, done: int) -> Progress:
    total = DATASETS[name].download
    return Progress(f"Downloading {DATASETS[name].title}", min(done, total), total, "bytes")


def _write(kind: Any, folder: Path, made: PreparedFiles) -> None:
    """What torchvision reads, as files to map; labels first, so that pictures are never there without them."""
    read = kind(folder, train=True)
    if read.data.shape[1:] != (SIDE, SIDE) or len(read.data) != len(read.targets):
        raise ValueError(f"its files hold pictures {tuple(read.data.shape)} and labels {tuple(read.targets.shape)}")
    save_whole(made.labels, read.targets.long().numpy())
    save_whole(made.pictures, read.data.flatten(1).contiguous().numpy())


def _raw(kind: Any, folder: Path) -> Path:
    return folder / str(kind.__name__) / "raw"


def _fetch(kind: Any, folder: Path, tell: Callable[[int], None]) -> None:
    """Have torchvision download, verify and unpack beside the place, then move: half a file never counts as data.

    Archives that somebody has put into the place by hand are verified and used instead. ``tell`` gets the bytes
    that have come so far.
    """
    raw = _raw(kind, folder)
    raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=STAGED, dir=folder) as beside:
        staged = _raw(kind, Path(beside))
        staged.mkdir(parents=True)
        for archive in raw.glob("*.gz"):
            shutil.copy(archive, staged)
        with _watching(staged, tell):
            kind(beside, download=True)
        for file in TRAINING:
            os.replace(staged / file, raw / file)


@contextmanager
def _watching(staged: Path, tell: Callable[[int], None]) -> Iterator[None]:
    """ReportProgress now and then how much lies there: torchvision's own progress goes to the terminal alone."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(WATCH):
            tell(sum(path.stat().st_size for path in staged.glob("*.gz")))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _refusal(kind: Any, folder: Path, error: Exception) -> str:
    archives = ", ".join(file for file, _ in kind.resources)
    told = re.search(r"urlopen error (.*?)>", str(error))
    reason = told.group(1) if told else " ".join(str(error).split())[:200] or type(error).__name__
    return (
        f"{kind.__name__} could not be had: {reason}. It was looked for in {_raw(kind, folder)}, and its download was"
        f" tried. Put the files {archives} there by hand, or choose the bundled digits, which need no download."
    )
