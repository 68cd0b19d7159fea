"""Runs to be repeated by an exported script or notebook, and the losses that a Trainer gives for them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gan_core import GANConfig, Trainer
from gan_core.data import with_recommended_settings
from gan_core.data.dataset import Dataset
from gan_core.data.drawing import SIDE, pack
from gan_core.snapshot import Change
from gan_core.training.threads import thread_count, use_threads

Losses = list[tuple[int, float, float]]
ITERATIONS = 12


def small(**changes: Any) -> GANConfig:
    """Return the lecture's settings with narrow layers, whose products every PyTorch computes in its default arithmetic."""
    sizes = {"generator_hidden": (32, 48), "discriminator_hidden": (40, 24), "batch_size": 32, "device": "cpu"}
    return GANConfig(**{**sizes, **changes})


def on_points(name: str, **changes: Any) -> GANConfig:
    return with_recommended_settings(GANConfig(), name).replace(batch_size=32, device="cpu", **changes)


def block(left: int) -> str:
    """Return a drawing of one block of cells."""
    cells = np.zeros((SIDE, SIDE), dtype=np.bool_)
    cells[3:9, left : left + 12] = True
    return pack(cells)


CASES: dict[str, tuple[GANConfig, tuple[Change, ...]]] = {
    "D first": (small(), ()),
    "G first, more D steps": (small(update_order="g_first", d_steps=2, g_steps=1), ()),
    "both at once, more G steps": (small(update_order="simultaneous"), ()),
    "both at once, more D steps": (small(update_order="simultaneous", d_steps=3, g_steps=1, seed=7), ()),
    "saturating, uniform noise": (small(loss="bce_saturating", noise="uniform"), ()),
    "least squares, BatchNorm first": (small(loss="least_squares", batch_norm_position="before_activation"), ()),
    "hinge, BatchNorm in D, classes": (small(loss="hinge", discriminator_batch_norm=True, classes=(3, 8)), ()),
    "gradient penalty": (small(loss="wasserstein_gp", d_steps=3, gradient_penalty=7.123456789), ()),
    "SGD": (small(optimizer_g="sgd", optimizer_d="sgd", sgd_momentum=0.5, learning_rate_d=0.01), ()),
    "ring": (on_points("eight_gaussians"), ()),
    "a drawing that changes": (
        on_points("drawn", drawing=block(4), optimizer_d="sgd"),
        (
            Change(0, {"leaky_slope": 0.05}),
            Change(4, {"drawing": block(9), "sgd_momentum": 0.3}),
            Change(7, {"learning_rate_d": 0.001}),
            Change(ITERATIONS, {"drawing": block(17)}),  # after the last iteration
        ),
    ),
    "loss, optimisers and steps change": (
        small(),
        (
            Change(3, {"learning_rate_g": 0.001, "adam_beta1": 0.9}),
            Change(3, {"leaky_slope": 0.1, "batch_norm_momentum": 0.3}),
            Change(5, {"loss": "wasserstein_gp", "gradient_penalty": 5.0}),
            Change(7, {"gradient_penalty": 3.0, "g_steps": 3}),
            Change(9, {"loss": "hinge"}),
        ),
    ),
    "order changes, updates of one network": (
        small(),
        (
            Change(2, {"update_order": "simultaneous"}),
            Change(4, {"update": "D"}),
            Change(4, {"learning_rate_d": 0.002, "learning_rate_g": 0.003}),
            Change(4, {"update": "G"}),
            Change(8, {"update_order": "g_first", "d_steps": 2}),
        ),
    ),
}


def train(
    config: GANConfig, changes: Sequence[Change], iterations: int, dataset: Dataset | None = None, threads: int = 0
) -> tuple[Trainer, Losses]:
    """Train as a run does that is changed on the way; return the trainer and the losses of each iteration.

    ``threads``: 0 for the run's own choice.
    """
    trainer = Trainer(config, dataset)
    losses = []
    with use_threads(threads or thread_count(config, trainer.dataset.features, "cpu")):
        for iteration in range(iterations):
            for change in (change for change in changes if change.iteration == iteration):
                if "update" in change.values:
                    trainer.update(change.values["update"])
                else:
                    trainer.reconfigure(trainer.config.replace(**change.values))
            metrics = trainer.step()
            losses.append((iteration + 1, float(metrics.loss_d), float(metrics.loss_g)))
    return trainer, losses


@contextmanager
def pytorch_restored() -> Iterator[None]:
    """Restore what a script sets for its whole process: threads, arithmetic and the global random state."""
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    precision, threads = matmul.fp32_precision, torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        matmul.fp32_precision = precision
        torch.set_num_threads(threads)
