"""torchvision's picture sets, and torchvision itself beside a PyTorch that it was not built for."""

import os
import re
import shutil
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.dataset import Dataset
from gan_core.data.errors import DataError
from gan_core.data.folder import data_folder


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


# LeCun et al. 1998, Xiao et al. 2017, Clanuwat et al. 2018: 60,000 training pictures each, 28×28.
CLASS_NAMES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}


def load(config: GANConfig, own: Path | None = None) -> Dataset:
    """The training split: files that are there are used without any network, others downloaded and verified."""
    kind = getattr(import_torchvision().datasets, CLASS_NAMES[config.dataset])
    folder = data_folder()
    try:
        if not all((_raw(kind, folder) / file).is_file() for file in _unpacked(kind)):
            _fetch(kind, folder)
        pictures = kind(folder, train=True)
    except Exception as error:  # network, disk, checksums, broken archives: one sentence, and the cause behind it
        raise DataError(_refusal(kind, folder, error)) from error
    samples = pictures.data.flatten(1).contiguous()
    title = DATASETS[config.dataset].title
    return Dataset(config.dataset, title, samples, tuple(pictures.data.shape[1:]), pictures.targets)


def _raw(kind: Any, folder: Path) -> Path:
    return folder / str(kind.__name__) / "raw"


def _unpacked(kind: Any) -> list[str]:
    return [Path(file).stem for file, _ in kind.resources]


def _fetch(kind: Any, folder: Path) -> None:
    """Have torchvision download, verify and unpack beside the place, then move: half a file never counts as data.

    Archives that somebody has put into the place by hand are verified and used instead.
    """
    raw = _raw(kind, folder)
    raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        staged = _raw(kind, Path(beside))
        staged.mkdir(parents=True)
        for archive in raw.glob("*.gz"):
            shutil.copy(archive, staged)
        kind(beside, download=True)
        for file in _unpacked(kind):
            os.replace(staged / file, raw / file)


def _refusal(kind: Any, folder: Path, error: Exception) -> str:
    files = ", ".join(file for file, _ in kind.resources)
    told = re.search(r"urlopen error (.*?)>", str(error))
    reason = told.group(1) if told else " ".join(str(error).split())[:200] or type(error).__name__
    return (
        f"{kind.__name__} could not be had: {reason}. It was looked for in {_raw(kind, folder)}, and its download was"
        f" tried. Put the files {files} there by hand, or choose the bundled digits, which need no download."
    )
