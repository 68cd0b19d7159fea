"""A run's state for the page: frozen and numpy only, so it can be sent between processes and needs no PyTorch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.config import GANConfig, Network
from gan_core.diagnostics.views import Experiment, PointsView, StageView
from gan_core.history import Trace

SAMPLES = 36  # fakes, and as many real samples, in a snapshot
POINTS = 400  # the same for 2-D data: more points are needed to show where they cluster


def samples_shown(shape: tuple[int, ...]) -> int:
    """Return how many fakes, and as many real samples, of this shape a snapshot holds."""
    return POINTS if shape == (2,) else SAMPLES


@dataclass(frozen=True)
class Mark:
    """A change that the learner made at ``iteration``, as a short text."""

    iteration: int
    text: str


@dataclass(frozen=True)
class SingleUpdate:
    """One update of one network alone, outside the configured ratio."""

    iteration: int
    network: Network
    loss: float


@dataclass(frozen=True)
class Snapshot:
    """The state of run ``run_id`` after ``iteration`` iterations.

    ``fake`` and ``real``: float32 ``[n, *shape]`` in [-1, 1]; the fakes are generated from the noise of ``sample_seed``
    with BatchNorm in eval mode, by the weights of ``samples_iteration`` (the last healthy ones after a failure).
    ``devices``: the devices of this machine, without "auto". ``precision``: that of the matrix products, which may
    differ from the configured one. ``computing``: sentences on how the updates are computed. ``seconds``: time spent
    training. ``epoch``: the present pass over the data, counted from 0.
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
    samples_iteration: int
    walk: StageView | None = None  # the present stage of a walk
    experiment: Experiment | None = None  # the laboratory's last result
    points: PointsView | None = None  # on 2-D data, of the weights that generated the fakes
