"""Helpers of the core's tests: small settings, small datasets, and equality bit for bit."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gan_core import GANConfig, Trainer
from gan_core.data.dataset import Dataset
from gan_core.data.own.samples import keep
from gan_core.history import Trace
from gan_core.metrics import COLUMNS, OPTIONAL
from gan_core.training.engines import AutogradEngine
from gan_core.training.gan import GAN

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

needs_disk_limit = pytest.mark.skipif(resource is None, reason="Windows limits no file's size")


@contextmanager
def disk_limit(size: int) -> Iterator[None]:
    """Let the system refuse, as a full disk does, what would make any file larger than ``size`` bytes."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]

TINY: dict[str, Any] = {
    "latent_dim": 4,
    "generator_hidden": (16,),
    "discriminator_hidden": (16,),
    "batch_size": 8,
    "device": "cpu",
}


def tiny(**changes: Any) -> GANConfig:
    """Return settings that train in milliseconds."""
    return GANConfig(**{**TINY, **changes})


def points(count: int = 44, features: int = 6) -> Dataset:
    """Return fixed samples in [-1, 1]; 44 in batches of 8 leave a remainder of 4."""
    random = torch.Generator().manual_seed(1)
    return Dataset(
        "points", "Points", torch.rand(count, features, generator=random, dtype=torch.float32) * 2 - 1, (features,)
    )


def load_points(config: GANConfig, own: Path | None = None) -> Dataset:
    """Load ``points``, as a loader of ``DATASETS``."""
    return points()


def tiny_trainer(**changes: Any) -> Trainer:
    """Return a trainer on ``points``."""
    return Trainer(tiny(**changes), points())


BROKEN: dict[str, Any] = {  # rates at which training diverges within a few iterations
    "optimizer_g": "sgd",
    "optimizer_d": "sgd",
    "learning_rate_g": 1.0,
    "learning_rate_d": 1.0,
}


def healthy_iterations(config: GANConfig) -> int:
    """Return the number of iterations before the first metric that is not finite; it depends on the processor."""
    trainer = Trainer(config)
    while all(value.isfinite() for name, value in trainer.step()._asdict().items() if name not in OPTIONAL):
        assert trainer.iteration < 50, "this run does not diverge"
    assert trainer.iteration > 1
    return trainer.iteration - 1


def all_finite(trace: Trace) -> bool:
    """Return whether all metrics that every loss defines are finite."""
    return all(bool(np.isfinite(trace.column(name)).all()) for name in COLUMNS if name not in OPTIONAL)


def same(first: Any, second: Any) -> bool:
    """Return whether nested dicts, lists and tensors are equal, tensors bit for bit; NaN equals NaN."""
    if isinstance(first, torch.Tensor):
        alike = isinstance(second, torch.Tensor) and first.dtype == second.dtype and first.shape == second.shape
        return alike and bool(((first == second) | (first.isnan() & second.isnan())).all())
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(value, second[key]) for key, value in first.items())
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def copied(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of the module's parameters and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def autograd(gan: GAN) -> AutogradEngine:
    """Make the reference path a trainer's engine."""
    return AutogradEngine()


class Recorded(Trainer):
    """A trainer on the reference path that keeps copies of the tensors of all stages."""

    def __init__(self, config: GANConfig, dataset: Dataset | None = None) -> None:
        super().__init__(config, dataset, make_engine=autograd)
        self.seen: list[tuple[str, str, dict[str, torch.Tensor]]] = []

    def walk(self, network: Any) -> Any:
        for stage in super().walk(network):
            self.seen.append((stage.network, stage.name, {k: v.detach().clone() for k, v in stage.tensors.items()}))
            yield stage

    def drawn(self, network: str) -> list[dict[str, torch.Tensor]]:
        """Return the tensors of one network's "noise" stages, in order: noise and, for D, the real batch."""
        return [tensors for owner, name, tensors in self.seen if (owner, name) == (network, "noise")]


def encoded(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    """Return an image file's bytes; ``image`` is an array or Pillow's."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of these names and contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def noise_images(count: int, side: int = 8) -> NDArray[np.uint8]:
    """Return fixed grey images ``[count, side, side]``, all different."""
    return np.random.default_rng(1).integers(0, 256, (count, side, side), np.uint8)


def own_file(folder: Path, count: int = 20, side: int = 8) -> tuple[Path, dict[str, Any]]:
    """Write ``noise_images`` to a file; return its path and the settings that name it."""
    path = folder / "upload.npy"
    return path, {"dataset": "own_pictures", "own_data": keep(noise_images(count, side), path), "picture_size": side}
