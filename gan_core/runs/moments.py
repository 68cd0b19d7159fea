"""Moments of a run that are kept to go back to: what its page showed then, and as far as there is room the whole state.

No PyTorch: the page reads a moment by itself, while the run trains on.
"""

import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.diagnostics.views import PointsView
from gan_core.training.checkpoint import Arrays, Checkpoint, CheckpointError

FOLDER = "moments"
VIEW, STATE = ".view", ".state"
MOST = 64  # moments
MOST_BYTES = 200 * 2**20  # on disk, of one run
GROWTH = 1 / 16  # a moment is kept when the run has grown by this share since the last one
COST = 0.003  # share of the training's time that views may take, and the same for states, which are much larger
LONGEST_WAIT = 8.0  # seconds, of a state five times as many: the first moment of a process takes longer than others
NUMBERS = ("divergence", "floor", "good")


@dataclass(frozen=True)
class Moment:
    """What a run's page showed after ``iteration``: fakes ``[n, *shape]`` and, on 2-D data, a view of both networks."""

    iteration: int
    fake: NDArray[np.float32]
    points: PointsView | None

    def write(self, path: Path) -> None:
        """Write this atomically. OSError if the disk does not take it."""
        arrays: Arrays = {"fake": self.fake}
        record: dict[str, object] = {"iteration": self.iteration}
        if (points := self.points) is not None:
            arrays |= {"scores": points.scores, "sample_gradient": points.sample_gradient}
            arrays |= {"numbers": np.array([getattr(points, name) for name in NUMBERS])}  # JSON has no NaN
            arrays |= {} if points.manifold is None else {"manifold": points.manifold}
            record |= {"modes": points.modes, "covered": points.covered}
        Checkpoint(arrays, record).write(path)

    @classmethod
    def read(cls, path: Path) -> "Moment":
        """Read what ``write`` has written. OSError or CheckpointError if that is not there, or damaged."""
        held = Checkpoint.read(path.read_bytes())
        arrays, record = held.arrays, held.record
        try:
            if "scores" not in arrays:
                return cls(held.iteration, arrays["fake"], None)
            numbers = dict(zip(NUMBERS, arrays["numbers"].tolist(), strict=True))
            view = PointsView(
                scores=arrays["scores"], manifold=arrays.get("manifold"), sample_gradient=arrays["sample_gradient"],
                modes=int(record["modes"]), covered=int(record["covered"]), **numbers,
            )  # fmt: skip
            return cls(held.iteration, arrays["fake"], view)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError("It is no moment of a run, or it is damaged.") from error


class Moments:
    """The moments in a run's folder: at growing distances, at most ``MOST`` and ``MOST_BYTES``, thinned evenly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self.views = _iterations(self._folder, VIEW)
        self.states = _iterations(self._folder, STATE)
        self._next = _after(self.views[-1]) if self.views else 0
        self._view_not_before = self._state_not_before = 0.0  # on the run's clock

    def due(self, iteration: int, seconds: float) -> bool:
        """Return whether a moment should be kept now, so many seconds after the run began."""
        return iteration >= self._next and seconds >= self._view_not_before

    def state_due(self, seconds: float) -> bool:
        """Return whether there is time to keep its whole state too."""
        return seconds >= self._state_not_before

    def keep(self, moment: Moment) -> None:
        """Keep a moment. OSError if the disk does not take it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._next = _after(moment.iteration)
        moment.write(self._path(moment.iteration, VIEW))
        self.views = sorted({*self.views, moment.iteration})
        self._thin()

    def keep_state(self, state: Checkpoint) -> None:
        """Keep the whole state of a moment that is kept. OSError if the disk does not take it."""
        state.write(self._path(state.iteration, STATE))
        self.states = sorted({*self.states, state.iteration})
        self._thin()

    def wait(self, seconds: float, view: float, state: float) -> None:
        """Keep none for a while after one that took so many seconds, so that all take only their share of the time."""
        self._view_not_before = seconds + min(view / COST, LONGEST_WAIT)
        if state:
            self._state_not_before = seconds + min(state / COST, 5 * LONGEST_WAIT)

    def _thin(self) -> None:
        while len(self.views) > MOST:
            gone = _closest(self.views)
            self.views.remove(gone)
            self._path(gone, VIEW).unlink(missing_ok=True)
            self._drop_state(gone)
        sizes = {iteration: _size(self._path(iteration, STATE)) for iteration in self.states}
        left = MOST_BYTES - sum(_size(self._path(iteration, VIEW)) for iteration in self.views)
        while self.states and sum(sizes.values()) > left:
            gone = _closest(self.states)
            del sizes[gone]
            self._drop_state(gone)

    def _drop_state(self, iteration: int) -> None:
        if iteration in self.states:
            self.states.remove(iteration)
            self._path(iteration, STATE).unlink(missing_ok=True)

    def _path(self, iteration: int, ending: str) -> Path:
        return self._folder / f"{iteration}{ending}"


def read_moment(folder: Path, iteration: int) -> Moment:
    """Return a moment of the run in ``folder``. OSError or CheckpointError if it is not there, or not any more."""
    return Moment.read(folder / FOLDER / f"{iteration}{VIEW}")


def read_state(folder: Path, iteration: int) -> Checkpoint:
    """Return the whole state of a moment. OSError or CheckpointError if it is not there, or not any more."""
    return Checkpoint.read((folder / FOLDER / f"{iteration}{STATE}").read_bytes())


def read_all(folder: Path) -> list[Moment]:
    """Return all moments of the run in ``folder`` that can be read, in order."""
    found = []
    for iteration in _iterations(folder / FOLDER, VIEW):
        try:
            found.append(read_moment(folder, iteration))
        except (OSError, CheckpointError):  # it was thinned out meanwhile
            continue
    return found


def copy_moments(source: Path, target: Path, until: int) -> None:
    """Give the run in ``target`` the moments of the one in ``source`` up to this iteration. OSError if the disk is full."""
    (target / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    for ending in (VIEW, STATE):
        for iteration in _iterations(source / FOLDER, ending):
            if iteration <= until:
                name = f"{iteration}{ending}"
                _link_or_copy(source / FOLDER / name, target / FOLDER / name)


def drop_moments(folder: Path, after: int) -> None:
    """Remove the moments of the run in ``folder`` that are of a later iteration. OSError."""
    for ending in (VIEW, STATE):
        for iteration in _iterations(folder / FOLDER, ending):
            if iteration > after:
                (folder / FOLDER / f"{iteration}{ending}").unlink(missing_ok=True)


def _link_or_copy(source: Path, target: Path) -> None:
    link: Callable[..., object] | None = getattr(os, "link", None)
    try:
        if link is None:
            raise OSError("no hard links here")
        link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _iterations(folder: Path, ending: str) -> list[int]:
    names = (path.name.removesuffix(ending) for path in folder.glob(f"*{ending}"))
    return sorted(int(name) for name in names if name.isdecimal())


def _after(iteration: int) -> int:
    return iteration + max(1, int(iteration * GROWTH))


def _closest(iterations: Sequence[int]) -> int:
    """Return the one that is missed least: not the first or last, and its neighbours are relatively the closest."""
    if len(iterations) < 3:
        return iterations[0]
    return min(
        iterations[1:-1],
        key=lambda one: (
            math.log1p(iterations[iterations.index(one) + 1]) - math.log1p(iterations[iterations.index(one) - 1])
        ),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
