"""What bfloat16 does to the result: the same seeds in both precisions, classes covered and loss levels compared."""

import math
import statistics
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.core import LECTURE
from gan_core.data import load_dataset
from gan_core.metrics import COLUMNS
from gan_core.sampling import generate, sample_noise
from gan_core.training.trainer import Trainer

SEEDS = 5
ITERATIONS = 500  # digits are recognisable by then
LAST = 100  # iterations that a loss level is the mean of
FAKES = 1000
COVERED = 0.02  # share of the fakes from which on a class counts: a fifth of its own
T = 2.776  # 95% of Student's t lie within ± this, at four degrees of freedom


@dataclass(frozen=True)
class Outcome:
    """Of one run: classes covered of ten, the evenness of their shares (entropy by that of equal shares), losses."""

    classes: float
    evenness: float
    loss_d: float
    loss_g: float


MEASURES = {
    "digit classes covered": "classes",
    "evenness of their shares": "evenness",
    "D loss": "loss_d",
    "G loss": "loss_g",
}


def compare() -> str:
    """A Markdown table of paired differences."""
    runs = {name: [trained(seed, name) for seed in range(SEEDS)] for name in ("float32", "bfloat16")}
    rows = [
        f"| After {ITERATIONS} iterations, {SEEDS} seeds | float32 | bfloat16 | difference by seed, 95% |",
        "|---|---:|---:|---:|",
    ]
    for words, name in MEASURES.items():
        fine, coarse = ([getattr(outcome, name) for outcome in runs[precision]] for precision in runs)
        differences = [b - a for a, b in zip(fine, coarse, strict=True)]
        within = T * statistics.stdev(differences) / math.sqrt(SEEDS)
        means = [f"{statistics.mean(values):.3f}" for values in (fine, coarse)]
        rows.append(f"| {words} | {means[0]} | {means[1]} | {statistics.mean(differences):+.3f} ± {within:.3f} |")
    return "\n".join(rows)


def trained(seed: int, precision: str) -> Outcome:
    """One run of the lecture's GAN on the bundled digits."""
    trainer = Trainer(LECTURE.replace(seed=seed, precision=precision))
    rows = torch.zeros(ITERATIONS, len(COLUMNS))
    for row in rows:
        trainer.step_into(row)
    noise = sample_noise(0, FAKES, trainer.config)
    shares = class_shares(torch.from_numpy(generate(trainer, noise)).flatten(1))
    entropy = -torch.xlogy(shares, shares).sum().item()
    level = dict(zip(COLUMNS, rows[-LAST:].mean(dim=0).tolist(), strict=True))
    covered = float((shares >= COVERED).sum())
    return Outcome(covered, entropy / math.log(len(shares)), level["loss_d"], level["loss_g"])


def class_shares(fakes: Tensor) -> Tensor:
    """Of ``[n, features]`` the share of each class ``[10]``: that of the nearest real picture."""
    dataset = load_dataset(LECTURE)
    assert dataset.labels is not None
    nearest = torch.cdist(fakes, dataset.samples).argmin(dim=1)
    return torch.bincount(dataset.labels[nearest], minlength=10) / len(fakes)
