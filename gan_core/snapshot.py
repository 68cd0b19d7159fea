"""A run's state for the page: frozen and numpy only, so it can be sent between processes and needs no PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gan_core.config import GANConfig, Network
from gan_core.diagnostics.views import Experiment, PointsView, StageView
from gan_core.history import Trace
from gan_core.metrics import COLUMNS
from gan_core.runs.speed import Speed
from gan_core.runs.stop import Stop

SAMPLES = 36  # fakes, and as many real samples, in a snapshot
POINTS = 400  # the same for 2-D data: more points are needed to show where they cluster
GHOST_ROWS = 96  # at most, of a ghost's trace


def samples_shown(shape: tuple[int, ...]) -> int:
    """Return how many fakes, and as many real samples, of this shape a snapshot holds."""
    return POINTS if shape == (2,) else SAMPLES


@dataclass(frozen=True)
class Mark:
    """A change that the learner made at ``iteration``, as a short text."""

    iteration: int
    text: str


@dataclass(frozen=True)
class Change:
    """What has happened to a run at ``iteration`` beside its iterations: with its settings, all that a repetition needs.

    ``values``: new values by field; or {"update": "D"} for one update of one network alone.
    """

    iteration: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What repeats a run from its settings at the start: its changes, in order, and its last iteration."""

    iterations: int
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class SingleUpdate:
    """One update of one network alone, outside the configured ratio."""

    iteration: int
    network: Network
    loss: float


@dataclass(frozen=True)
class Ghost:
    """What is left of a replaced run, to compare with: its settings, and its running means in at most ``GHOST_ROWS`` rows.

    The rows are dense at the beginning, where a new run is compared first.
    """

    config: GANConfig
    trace: Trace

    @classmethod
    def of(cls, config: GANConfig, trace: Trace, since: int = 0) -> Self:
        """Keep half of the rows evenly spread, and half at growing distances; the first and the last are kept.

        ``since``: the iteration of the last change of the loss, before which the numbers mean something else.
        """
        rest = trace.iteration > since
        trace = Trace(trace.iteration[rest], trace.values[rest], trace.stride)
        count = len(trace.iteration)
        even = np.linspace(0, count - 1, GHOST_ROWS // 2)
        growing = np.geomspace(1, max(count, 1), GHOST_ROWS // 2) - 1
        rows = np.unique(np.concatenate([even, growing]).round().astype(np.int64)) if count else np.arange(0)
        means = np.stack([trace.running_mean(name)[rows] for name in COLUMNS], axis=1)
        return cls(config, Trace(trace.iteration[rows], means, trace.stride))


@dataclass(frozen=True)
class Snapshot:
    """The state of run ``run_id`` after ``iteration`` iterations.

    ``fake`` and ``real``: float32 ``[n, *shape]`` in [-1, 1]; the fakes are generated from the noise of ``sample_seed``
    with BatchNorm in eval mode, by the weights of ``samples_iteration`` (the last healthy ones after a failure).
    ``devices``: the devices of this machine, without "auto". ``precision``: that of the matrix products, which may
    differ from the configured one. ``computing``: sentences on how the updates are computed. ``seconds``: time spent
    training. ``iterations_per_second``: of that time or, where ``speed`` is limited, of the wall clock. ``epoch``: the
    present pass over the data, counted from 0. ``until``: where the run will pause by itself. ``stopped``: why it has, or
    why it could not go on as asked; "" after the next command that trains. ``ghost``: the run that this one has replaced.
    ``initial``: the settings that the run began with; ``changes``: what has happened to it since, in order.
    ``rebuilding``: what is left of the recipe that the run repeats by itself.
    ``repeatable``: False once a setting has changed in the middle of an iteration, which ``changes`` do not tell.
    ``moments``: the iterations whose view is kept, and ``states``: those whose whole state is. ``fork``: the iteration up to
    which the run is that of its parent; 0 for a run of its own. ``generator_from``: how many iterations the generator had
    trained in the file that it began from; None if it began untrained.
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
    speed: Speed = field(default_factory=Speed)
    until: Stop | None = None
    stopped: str = ""
    ghost: Ghost | None = None
    initial: GANConfig = field(default_factory=GANConfig)
    changes: tuple[Change, ...] = ()
    rebuilding: Recipe | None = None
    repeatable: bool = True
    moments: tuple[int, ...] = ()
    states: tuple[int, ...] = ()
    fork: int = 0
    generator_from: int | None = None

    def without(self, known: "Snapshot") -> "Snapshot":
        """Leave out what ``known``, an earlier snapshot of this run, holds: the first rows of the trace, the real samples.

        A snapshot is sent several times a second, and these are most of its bytes.
        """
        real = self.real[:0] if self.real is known.real else self.real
        return replace(self, trace=self.trace.without(known.trace), real=real)

    def completed_by(self, known: "Snapshot") -> "Snapshot":
        """Return the whole snapshot of which ``without(known)`` has left this one."""
        real = self.real if len(self.real) else known.real
        return replace(self, trace=self.trace.completed_by(known.trace), real=real)

    def at(self, iteration: int, fake: NDArray[np.float32], points: PointsView | None) -> "Snapshot":
        """Return the run as it was after ``iteration``, with these samples of then."""
        rows = int(np.searchsorted(self.trace.iteration, iteration, side="right"))
        trace = Trace(self.trace.iteration[:rows], self.trace.values[:rows], self.trace.stride)
        return replace(
            self, iteration=iteration, samples_iteration=iteration, sample_seed=0, trace=trace, fake=fake, points=points
        )

    @property
    def trained(self) -> bool:
        """Whether either network was updated, here or in the file that the generator comes from."""
        return self.updates_d + self.updates_g > 0 or self.generator_from is not None
