"""The one loop of a run: commands in, reports out. The same in every runner."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gan_core.config import GANConfig
from gan_core.data import load_dataset
from gan_core.data.own.samples import OWN_FILE
from gan_core.device import available_devices, device_words
from gan_core.diagnostics.laboratory import experiment
from gan_core.diagnostics.points import PointsDiagnostics
from gan_core.diagnostics.views import Experiment, PointsView
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.export.weights import save_networks
from gan_core.history import History
from gan_core.runs.protocol import (
    Command,
    Failure,
    Pause,
    Play,
    Reconfigure,
    Report,
    Sample,
    Save,
    State,
    Step,
    Try,
    Update,
    Walk,
)
from gan_core.sampling import generate, real_samples, sample_noise
from gan_core.snapshot import Mark, SingleUpdate, Snapshot, samples_shown
from gan_core.training.divergence import Diverged, broken_weights, healthy_rows
from gan_core.training.metrics_buffer import MetricsBuffer
from gan_core.training.threads import Pace
from gan_core.training.trainer import Trainer

SLICE = 0.005  # seconds of training between two looks at the commands; one iteration at least
LOOK = 0.05  # seconds between two looks for a broken run, where looking is cheap
BLOCK = 0.001  # seconds of training, about, between two looks at the clock
SAVE_EVERY = 3.0  # seconds of training between two saves: what a killed run loses at most
REMEMBERED = 200  # marks and single updates that are kept


@dataclass(frozen=True)
class Look:
    """What the networks of one iteration show: fakes ``[n, *shape]`` and, of points, the plane around them."""

    iteration: int
    fake: NDArray[np.float32]
    points: PointsView | None


class Worker:
    """A run: a Trainer with its history, its clock and its failure, if it had one.

    No method raises for what goes wrong in training: the run's state becomes "failed", with the reason.
    """

    def __init__(self, run_id: str, config: GANConfig, folder: Path) -> None:
        self.run_id = run_id
        self.config = config
        self.folder = folder
        self.state: State = "starting"
        self.failure: Failure | None = None
        self.revision = 0
        self._trainer: Trainer | None = None
        self._snapshot: Snapshot | None = None
        self._healthy: Look | None = None  # at the last healthy weights

    @property
    def busy(self) -> bool:
        return self.state == "running"

    # From outside ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Build networks and load data."""
        self._guarded(self._build)

    def handle(self, command: Command) -> None:
        """Carry out one command; a failed run ignores it."""
        if self.state != "failed":
            self._guarded(lambda: self._carry_out(command))

    def advance(self, seconds: float = SLICE) -> None:
        """If running, train for about this long: whole iterations, at least one."""
        if self.busy:
            self._guarded(lambda: self._train(seconds))

    def report(self, since: int = -1) -> Report:
        """State, and a snapshot if anything has changed since revision ``since``."""
        if self.state not in ("starting", "failed"):
            self._guarded(self._look)
        shown = self._snapshot if self._snapshot is not None and self._snapshot.revision > since else None
        return Report(self.state, shown, self.failure)

    # Inside ------------------------------------------------------------------------------------------------

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Diverged as error:
            failure = Failure.of(error)
            self._fail(replace(failure, message=f"{error} The last healthy generator can still be downloaded."))
        except Exception as error:  # whatever it is, it belongs on the page, not into a dead process
            self._fail(Failure.of(error))

    def _fail(self, failure: Failure) -> None:
        self.state, self.failure = "failed", failure
        self.revision += 1
        if self._healthy is not None:
            self._snapshot = self._snapshot_with(self._healthy)

    def _build(self) -> None:
        own = self.folder / OWN_FILE
        dataset = load_dataset(self.config, own) if own.exists() else None
        trainer = self._trainer = Trainer(self.config, dataset)
        self._pace = Pace(trainer.config, trainer.dataset.features, trainer.device)
        self.buffer = MetricsBuffer(trainer.device)
        self.history = History()
        self.marks: deque[Mark] = deque(maxlen=REMEMBERED)
        self.singles: deque[SingleUpdate] = deque(maxlen=REMEMBERED)
        self.seconds = 0.0
        self._flushed_at = time.perf_counter()
        self._clock: deque[tuple[float, int]] = deque()  # (seconds, iteration) of the last second of training
        self._saved_at = 0.0
        self._walk: Walkthrough | None = None
        self._experiment: Experiment | None = None
        self._shown = samples_shown(trainer.dataset.shape)
        self._use_noise(0)
        self._use_data(trainer)
        self._healthy = self._look_at(trainer)
        self.state = "paused"
        self._save()

    def _use_data(self, trainer: Trainer) -> None:
        self._real = real_samples(trainer, self._shown)
        self._watch = PointsDiagnostics(trainer) if trainer.dataset.shape == (2,) else None

    def _use_noise(self, seed: int) -> None:
        self._sample_seed = seed
        self._noise = sample_noise(seed, self._shown, self.config)

    def _carry_out(self, command: Command) -> None:
        trainer = self._running_trainer()
        self.revision += 1
        match command:
            case Play():
                self.state = "running"
                self._clock.clear()
            case Pause():
                self.state = "paused"
                self._settle()
            case Step(count):
                self.state = "paused"
                if self._walk is not None and not self._walk.finished:
                    count -= 1
                    while not self._walk.finished:
                        self._walk_on("turn")
                for _ in range(count):
                    self._iterate()
                self._settle()
            case Update(network):
                self.state = "paused"
                if self._walk is not None and not self._walk.finished:
                    self._iterate()  # an update alone stands between two iterations, not inside one
                trainer.update(network)
                loss = trainer.last_losses(network)[f"loss_{network.lower()}"]
                self.singles.append(SingleUpdate(trainer.iteration, network, loss))
                if not np.isfinite(loss):
                    raise Diverged(f"loss_{network.lower()}", loss, trainer.iteration)
                self._settle()
            case Reconfigure(config):
                changed = trainer.config.differences(config)
                trainer.reconfigure(config)
                self.config = config
                self._pace.again()
                if "drawing" in changed:
                    self._use_data(trainer)
                self.marks.extend(Mark(trainer.iteration, _change(config, name)) for name in changed)
            case Sample(seed):
                self._use_noise(seed)
            case Walk(to):
                self.state = "paused"
                self._walk_on(to)
            case Try(switches):
                self._experiment = None if switches is None else experiment(trainer, switches)
            case Save():
                self._settle()

    def _running_trainer(self) -> Trainer:
        assert self._trainer is not None, "a run that has not started is 'starting' or 'failed'"
        return self._trainer

    def _train(self, seconds: float) -> None:
        end, left = time.perf_counter() + seconds, seconds
        # Each look waits for a GPU, so that it looks once in all this time.
        block = BLOCK if self._running_trainer().device.type == "cpu" else seconds
        while True:
            self._iterate(max(1, int(min(left, block) * self._speed())))
            left = end - time.perf_counter()
            if left <= 0:
                break
        if self.seconds - self._saved_at >= SAVE_EVERY:
            self._settle()

    def _walk_on(self, to: Literal["stage", "turn"]) -> None:
        if self._walk is None or self._walk.finished:
            self._walk = Walkthrough(self._running_trainer())
        if to == "stage":
            self._walk.advance()
        else:
            self._walk.finish_turn()
        if self._walk.metrics is not None:
            self.buffer.append(self._walk.metrics)
            self._settle()

    def _iterate(self, count: int = 1) -> None:
        """So many iterations, fewer if the buffer is full before; the first is what is left of one begun by a walk."""
        trainer = self._running_trainer()
        began = time.perf_counter()
        walk, self._walk = self._walk, None
        if walk is not None and not walk.finished:
            self.buffer.append(walk.finish())
            count -= 1
        walk = None  # what it made is held no longer than it is looked at
        if count := min(count, self.buffer.room):
            self._pace.begin(count)
            for _ in range(count):
                self.buffer.record(trainer.step_into)
            trainer.wait()  # else the clock would count how fast a GPU is told what to do
            self._pace.end()
        # Reading waits for a GPU; on the CPU it costs little, and a broken run is seen within a slice.
        now = time.perf_counter()
        if not self.buffer.room or (trainer.device.type == "cpu" and now - self._flushed_at >= LOOK):
            self._flush()
            now = self._flushed_at
        self.seconds += now - began
        self.revision += 1
        self._clock.append((self.seconds, trainer.iteration))
        while self._clock[0][0] < self.seconds - 1:
            self._clock.popleft()

    def _flush(self) -> None:
        rows, diverged = healthy_rows(self.buffer.take(), self.history.iterations + 1)
        self.history.extend(rows)
        self._flushed_at = time.perf_counter()
        if diverged:
            raise diverged

    def _settle(self) -> None:
        """Everything measured so far is read and healthy; keep this state where a crash cannot reach it."""
        self._flush()
        trainer = self._running_trainer()
        if diverged := broken_weights(trainer):
            raise diverged
        self._healthy = self._look_at(trainer)
        self._save()

    def _save(self) -> None:
        save_networks(self.folder, self._running_trainer())
        self._saved_at = self.seconds

    def _look(self) -> None:
        if self._snapshot is None or self._snapshot.revision != self.revision:
            self._flush()
            self._snapshot = self._snapshot_with(self._look_at(self._running_trainer()))

    def _look_at(self, trainer: Trainer) -> Look:
        fake = generate(trainer, self._noise)
        return Look(trainer.iteration, fake, self._watch.view(trainer, fake) if self._watch else None)

    def _snapshot_with(self, look: Look) -> Snapshot:
        trainer = self._running_trainer()
        return Snapshot(
            run_id=self.run_id,
            revision=self.revision,
            config=self.config,
            iteration=trainer.iteration,
            epoch=trainer.sampler.epoch,
            updates_d=trainer.updates["D"],
            updates_g=trainer.updates["G"],
            seconds=self.seconds,
            iterations_per_second=self._speed(),
            device=device_words(trainer.device),
            precision=str(trainer.arithmetic.dtype).removeprefix("torch."),
            computing=f"{trainer.arithmetic.words} {trainer.path_words} {self._pace.words}",
            devices=available_devices(),
            dataset_title=trainer.dataset.title,
            dataset_count=trainer.dataset.count,
            shape=trainer.dataset.shape,
            trace=self.history.trace(),
            marks=tuple(self.marks),
            singles=tuple(self.singles),
            real=self._real,
            fake=look.fake,
            pictures_iteration=look.iteration,
            sample_seed=self._sample_seed,
            walk=None if self._walk is None else self._walk.view,
            experiment=self._experiment,
            points=look.points,
        )

    def _speed(self) -> float:
        if len(self._clock) < 2:
            return 0.0
        (first_time, first), (last_time, last) = self._clock[0], self._clock[-1]
        return (last - first) / max(last_time - first_time, 1e-9)


def _change(config: GANConfig, name: str) -> str:
    setting, value = GANConfig.setting(name), getattr(config, name)
    if setting.data:
        return f"{setting.label} changed"
    return f"{setting.label}: {setting.names.get(value, value)}"
