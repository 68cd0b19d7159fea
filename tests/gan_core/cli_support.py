"""Helpers of the command line's tests."""

import csv
from pathlib import Path
from typing import Any

from gan_core import Trainer
from gan_core.cli import main
from gan_core.export.weights import read_metadata
from tests.gan_core.support import (
    tiny,
)

OPTIONS = [
    "--latent-dim", "4", "--generator-hidden", "16", "--discriminator-hidden", "16", "--batch-size", "8",
    "--device", "cpu",
]  # fmt: skip
DIVERGING = [  # ``BROKEN`` as options
    "--optimizer-g", "sgd", "--optimizer-d", "sgd", "--learning-rate-g", "1", "--learning-rate-d", "1",
    "--loss", "least_squares",
]  # fmt: skip
SEED = "from 0 to 2147483647"
FILES = {
    "config.json",
    "metrics.csv",
    "generator.safetensors",
    "discriminator.safetensors",
    "samples.png",
    "run.safetensors",
}


def run(folder: Path, *arguments: str, iterations: str = "7") -> int:
    return main(["train", "--iterations", iterations, "--out", str(folder), *arguments])


def table(folder: Path) -> tuple[list[str], list[list[str]]]:
    with (folder / "metrics.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def saved_iteration(folder: Path) -> int:
    return int(read_metadata((folder / "generator.safetensors").read_bytes())["iteration"])


def trained(iterations: int, **changes: Any) -> tuple[Trainer, list[list[float]]]:
    trainer = Trainer(tiny(**changes))
    return trainer, [[float(value) for value in trainer.step()] for _ in range(iterations)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
