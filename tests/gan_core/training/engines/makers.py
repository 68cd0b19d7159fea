"""A trainer on each engine that a CPU can run."""

from collections.abc import Callable
from typing import Any

import pytest

from gan_core import GANConfig, Trainer
from gan_core.data.dataset import Dataset
from tests.gan_core.support import autograd, points, tiny
from tests.gan_core.training.engines.test_cuda_graph import OnGraph

Make = Callable[..., Trainer]
ITERATIONS = 7  # enough for the CUDA graph engine to warm up, record and replay


def on_autograd(config: GANConfig, dataset: Dataset) -> Trainer:
    return Trainer(config, dataset, make_engine=autograd)


MAKERS = {"autograd": on_autograd, "manual": Trainer, "CUDA graph": OnGraph}
on_every_engine = pytest.mark.parametrize("engine", MAKERS)


def made(engine: str, **changes: Any) -> Trainer:
    """Return a trainer on ``points`` with this engine."""
    trainer = MAKERS[engine](tiny(**{"generator_batch_norm": True, **changes}), points())
    assert trainer.engine.name == engine
    return trainer


def trained(trainer: Trainer, iterations: int = ITERATIONS) -> Trainer:
    for _ in range(iterations):
        trainer.step()
    return trainer
