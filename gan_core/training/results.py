"""The files of a run that is trained without a page, saved again and again while it trains."""

import errno
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from tqdm import tqdm

from gan_core.changes import CHANGES_FILE
from gan_core.config import GANConfig
from gan_core.config_file import CONFIG_FILE
from gan_core.export.weights import DISCRIMINATOR_FILE, GENERATOR_FILE, save_networks, write_whole
from gan_core.files import remove_partials
from gan_core.images import drawable, samples_png
from gan_core.metrics import COLUMNS
from gan_core.runs.moments import FOLDER as MOMENTS
from gan_core.runs.moments import Moment, Moments, drop_moments
from gan_core.runs.rendering import Renderer
from gan_core.runs.saved import RUN_FILE, read_saved, refusing, write_saved
from gan_core.sampling import generate, sample_noise
from gan_core.snapshot import samples_shown
from gan_core.training.checkpoint import Checkpoint, CheckpointError, read_header, restore
from gan_core.training.trainer import Trainer

METRICS_FILE = "metrics.csv"
SAMPLES_FILE = "samples.png"
RESULT_FILES = (
    CONFIG_FILE, METRICS_FILE, GENERATOR_FILE, DISCRIMINATOR_FILE, SAMPLES_FILE, RUN_FILE, CHANGES_FILE,
)  # fmt: skip
LOCK_FILE = "lock"  # held by the process that trains, until it ends
HEADER = (",".join(("iteration", *COLUMNS)) + "\n").encode()


class Busy(ValueError):
    """Another process trains into the folder."""


def results_in(folder: Path) -> list[str]:
    """Return the names of the files of an earlier run in ``folder``."""
    return [name for name in RESULT_FILES if (folder / name).exists()]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from training into ``folder`` meanwhile, and remove what killed ones left. Busy, OSError."""
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))  # the lock would make it
    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        with suppress(NotImplementedError):  # a file system without locks
            lock.acquire()
    except Timeout as error:
        raise Busy(f"Another process is training into {folder}: wait for its end, or stop it.") from error
    remove_partials(folder)
    try:
        yield
    finally:
        if os.name != "nt":  # where an open file cannot be removed, and releasing it does
            with suppress(OSError):
                (folder / LOCK_FILE).unlink()
        lock.release()


@dataclass
class Plan:
    """What was asked for: how many iterations in all, the settings at the start, and changes as {"iteration", "values"}."""

    iterations: int
    initial: GANConfig
    changes: list[dict[str, Any]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return what a checkpoint's record holds of it."""
        return {
            "iterations": self.iterations,
            "initial": json.loads(self.initial.to_json()),
            "changes": self.changes,
        }

    @classmethod
    def of(cls, record: Any) -> Self:
        """Return the plan that had this ``record``; CheckpointError if none has it."""
        try:
            initial = GANConfig.from_json(json.dumps(record["initial"]))
            return cls(int(record["iterations"]), initial, [dict(change) for change in record["changes"]])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CheckpointError("It is damaged: it does not say what was to be trained.") from error


class Table:
    """metrics.csv, a row per iteration. Rows that the disk does not take wait for the next ``flush``."""

    def __init__(self, path: Path, end: int) -> None:
        """Continue the table after its first ``end`` bytes; what follows is removed."""
        self._path, self._end, self._waiting = path, end, bytearray()
        os.truncate(path, end)

    def append(self, rows: NDArray[np.float32], first: int) -> None:
        """Add one row per iteration, ``[n, len(COLUMNS)]``, of which the first is that of iteration ``first``."""
        for iteration, row in enumerate(rows, first):
            # str() is the shortest text that reads back as the same number.
            self._waiting += f"{iteration},{','.join(map(str, row))}\n".encode()

    def flush(self) -> None:
        """Write all rows. OSError if the disk does not take them; the file then ends with the last row before them."""
        try:
            with self._path.open("r+b") as file:
                file.seek(self._end)
                file.write(self._waiting)
        except OSError:
            with suppress(OSError):
                os.truncate(self._path, self._end)
            raise
        self._end += len(self._waiting)
        self._waiting.clear()


def end_of_rows(path: Path, count: int) -> int:
    """Return where in the table the row of iteration ``count`` ends. CheckpointError if it is not there, OSError."""
    with path.open("rb") as file:
        whole = file.readline() == HEADER
        for iteration in range(1, count + 1):
            line = file.readline()
            whole &= line.startswith(b"%d," % iteration) and line.endswith(b"\n") and line.count(b",") == len(COLUMNS)
            if not whole:
                break
        end = file.tell()
    if not whole:
        raise CheckpointError(f"{path} is not the table of the {count:,} iterations of {path.with_name(RUN_FILE)}.")
    return end


class Results:
    """The files in ``folder``. A disk that does not take them ends no training.

    ``problem``: why the last write failed; "" if it has not.
    """

    def __init__(self, folder: Path, plan: Plan, table: Table) -> None:
        self.folder, self.plan, self.problem = folder, plan, ""
        self._table, self._announced = table, False
        self._moments = Moments(folder)
        self._renderer: Renderer | None = None
        write_whole(folder / CONFIG_FILE, plan.initial.to_json().encode())

    @classmethod
    def begin(cls, folder: Path, plan: Plan) -> Self:
        """Begin a run. The files of an earlier one are removed, so that the folder never holds files of two."""
        for name in results_in(folder):
            (folder / name).unlink()
        shutil.rmtree(folder / MOMENTS, ignore_errors=True)
        (folder / METRICS_FILE).write_bytes(HEADER)
        return cls(folder, plan, Table(folder / METRICS_FILE, len(HEADER)))

    @property
    def saved(self) -> int | None:
        """The iteration of the run that can be continued from here; None if there is none yet."""
        try:
            return int(read_header(self.folder / RUN_FILE)["iteration"])
        except (OSError, CheckpointError):
            return None

    @property
    def kept(self) -> str:
        """What can be continued, as a sentence."""
        return "It has no saved run yet." if self.saved is None else f"It has the run of iteration {self.saved:,}."

    def add_rows(self, rows: NDArray[np.float32], first: int) -> None:
        """Add the metrics of iterations from ``first`` on to the table."""
        self._table.append(rows, first)
        if not self.problem:  # else the next save tries again
            self._attempt(self._table.flush)

    def save(self, trainer: Trainer) -> None:
        """Save the table, the networks, a picture of samples, and the whole state, from which ``read_run`` continues."""
        self._attempt(lambda: self._save(trainer))

    def keep_moment(self, trainer: Trainer, at_once: bool = False) -> None:
        """Keep the fakes of now for an animation, if the run has grown enough since the last time.

        Not ``at_once``: only as often as training hardly notices.
        """
        began = time.monotonic()
        if not self._moments.due(trainer.iteration, math.inf if at_once else began):
            return
        self._renderer = self._renderer or Renderer(trainer)
        shown = self._renderer.render(trainer)
        with suppress(OSError):  # the next save says that the disk is full
            self._moments.keep(Moment(shown.iteration, shown.fake, shown.points))
        self._moments.wait(began, time.monotonic() - began, 0.0)

    def _attempt(self, write: Callable[[], None]) -> None:
        try:
            write()
            self.problem = ""
        except OSError as error:
            self.problem = error.strerror or str(error)

    def announce(self) -> None:
        """Say once that the disk does not take the files, and once that it takes them again."""
        if self._announced == bool(self.problem):
            return
        self._announced = bool(self.problem)
        failed = f"cannot be saved in {self.folder}: {self.problem}. Training goes on and the save is tried again."
        sentence = failed if self.problem else f"is saved in {self.folder} again."
        with suppress(OSError):  # the terminal was closed
            tqdm.write(f"This run {sentence} {self.kept}", file=sys.stderr)

    def _save(self, trainer: Trainer) -> None:
        self._table.flush()
        save_networks(self.folder, trainer)
        if drawable(trainer.dataset.shape):
            noise = sample_noise(0, samples_shown(trainer.dataset.shape), trainer.config)
            write_whole(self.folder / SAMPLES_FILE, samples_png(generate(trainer, noise)))
        if self.plan.changes:
            write_whole(self.folder / CHANGES_FILE, (json.dumps(self.plan.changes, indent=2) + "\n").encode())
        else:
            (self.folder / CHANGES_FILE).unlink(missing_ok=True)
        state = Checkpoint.of(trainer, copy=False)
        # Last: what continues from it cuts or replaces the other files.
        write_saved(self.folder, Checkpoint(state.arrays, state.record | {"train": self.plan.record()}))


@dataclass(frozen=True)
class SavedRun:
    """A run to go on with: state, settings now, what was asked for, and where in its table the row of its iteration ends."""

    state: Checkpoint
    config: GANConfig
    plan: Plan
    table_end: int

    def restore(self, folder: Path, trainer: Trainer) -> None:
        """Continue on ``trainer``, which has the settings ``config``. CheckpointError if the state is not theirs."""
        with refusing(folder):
            restore(trainer, self.state)

    def go_on(self, folder: Path) -> Results:
        """Return the files to continue; the table and the moments are cut to the iteration of the saved state. OSError."""
        drop_moments(folder, self.state.iteration)
        return Results(folder, self.plan, Table(folder / METRICS_FILE, self.table_end))


def read_run(folder: Path) -> SavedRun:
    """Return the run that ``Results`` has saved in ``folder``. CheckpointError, with a sentence, or OSError."""
    state = read_saved(folder)
    if state is None:
        raise CheckpointError(f"{folder} has no {RUN_FILE}: there is no run to go on with.")
    if "run" in state.record:
        raise CheckpointError(
            f"{folder} holds a run of the page, without the metrics of each iteration: go on with it on the page."
        )
    with refusing(folder):
        plan, config = Plan.of(state.record.get("train")), state.config
    return SavedRun(state, config, plan, end_of_rows(folder / METRICS_FILE, state.iteration))
