"""The effect of bfloat16 on results: classes covered and loss levels of the same seeds in both precisions."""

import math
import statistics

import torch
from torch import Tensor

from benchmarks.core import LECTURE
from gan_core.data import load_dataset
from gan_core.metrics import COLUMNS
from gan_core.sampling import generate, sample_noise
from gan_core.training.trainer import Trainer

SEEDS = 5
ITERATIONS = 500  # digits are recognisable by then
LAST = 100  # iterations whose mean loss is the loss level
FAKES = 1000
COVERED = 0.02  # smallest share of the fakes that covers a class: a fifth of its fair share
T = 2.776  # 95% of Student's t distribution with four degrees of freedom is within ±T


def compare() -> str:
    """Return a Markdown table of paired differences."""
    runs = {name: [trained(seed, name) for seed in range(SEEDS)] for name in ("float32", "bfloat16")}
    rows = [
        f"| After {ITERATIONS} iterations, {SEEDS} seeds | float32 | bfloat16 | difference by seed, 95% |",
        "|---|---:|---:|---:|",
    ]
    for label in runs["float32"][0]:
        fine, coarse = ([result[label] for result in results] for results in runs.values())
        differences = [b - a for a, b in zip(fine, coarse, strict=True)]
        within = T * statistics.stdev(differences) / math.sqrt(SEEDS)
        means = [f"{statistics.mean(values):.3f}" for values in (fine, coarse)]
        rows.append(f"| {label} | {means[0]} | {means[1]} | {statistics.mean(differences):+.3f} ± {within:.3f} |")
    return "\n".join(rows)


def trained(seed: int, precision: str) -> dict[str, float]:
    """Train the lecture's GAN on the bundled digits and return what is compared; evenness is relative entropy."""
    trainer = Trainer(LECTURE.replace(seed=seed, precision=precision))
    rows = torch.zeros(ITERATIONS, len(COLUMNS))
    for row in rows:
        trainer.step_into(row)
    noise = sample_noise(0, FAKES, trainer.config)
    shares = class_shares(torch.from_numpy(generate(trainer, noise)).flatten(1))
    entropy = -torch.xlogy(shares, shares).sum().item()
    level = dict(zip(COLUMNS, rows[-LAST:].mean(dim=0).tolist(), strict=True))
    return {
        "digit classes covered": float((shares >= COVERED).sum()),
        "evenness of their shares": entropy / math.log(len(shares)),
        "D loss": level["loss_d"],
        "G loss": level["loss_g"],
    }


def class_shares(fakes: Tensor) -> Tensor:
    """Return the share of each class ``[10]`` in ``[n, features]``; a fake has the class of the nearest real image."""
    dataset = load_dataset(LECTURE)
    assert dataset.labels is not None
    nearest = torch.cdist(fakes, dataset.samples).argmin(dim=1)
    return torch.bincount(dataset.labels[nearest], minlength=10) / len(fakes)
