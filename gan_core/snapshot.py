"""What a watcher of a run gets: frozen, numpy only, so it crosses a process border and needs no PyTorch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.config import GANConfig, Network
from gan_core.diagnostics.views import Experiment, PointsView, StageView
from gan_core.history import Trace

SAMPLES = 36  # fakes, and as many real samples, in a snapshot
POINTS = 400  # the same of points of the plane: it takes more of them to show where they gather


def samples_shown(shape: tuple[int, ...]) -> int:
    """How many fakes, and as many real samples, of this shape a snapshot shows."""
    return POINTS if shape == (2,) else SAMPLES


@dataclass(frozen=True)
class Mark:
    """Something a learner did while training: at which iteration, in a few words."""

    iteration: int
    text: str


@dataclass(frozen=True)
class SingleUpdate:
    """One update of one network alone, beside the configured ratio."""

    iteration: int
    network: Network
    loss: float


@dataclass(frozen=True)
class Snapshot:
    """The state of run ``run_id`` after ``iteration`` iterations.

    ``fake`` and ``real``: float32 ``[n, *shape]`` in [-1, 1]; the fakes are made from the noise of
    ``sample_seed`` with BatchNorm in eval mode, by the weights of ``pictures_iteration`` (the last healthy ones
    after a failure). ``devices``: the names that this machine has, "auto" aside. ``precision``: the products' own,
    which is not always the one asked for. ``computing``: sentences on how the updates are computed. ``seconds``: time
    spent training.
    ``epoch``: passes over the data begun, counted from 0.
    """

    run_id: str
    revision: int
    config: GANConfig
    iteration: int
    epoch: int
    updates_d: int
    updates_g: int
    seconds: float
    iterations_per_second: float
    device: str
    precision: str
    computing: str
    devices: tuple[str, ...]
    dataset_title: str
    dataset_count: int
    shape: tuple[int, ...]
    trace: Trace
    marks: tuple[Mark, ...]
    singles: tuple[SingleUpdate, ...]
    real: NDArray[np.float32]
    fake: NDArray[np.float32]
    sample_seed: int
    pictures_iteration: int
    walk: StageView | None = None  # the stage that a walk has come to
    experiment: Experiment | None = None  # what the laboratory found last
    points: PointsView | None = None  # of the weights that made the fakes, where samples are points of the plane
