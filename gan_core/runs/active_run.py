"""A run that has started: a Trainer with its history, its clock and what is shown of it."""

import time
from collections import deque
from pathlib import Path
from typing import Literal

import numpy as np

from gan_core.config import GANConfig, Network
from gan_core.data import load_dataset
from gan_core.data.own.samples import OWN_FILE
from gan_core.device import available_devices, device_words
from gan_core.diagnostics.laboratory import experiment
from gan_core.diagnostics.views import Experiment, Switches
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.export.weights import save_networks
from gan_core.history import History
from gan_core.runs.rendering import Rendered, Renderer
from gan_core.runs.speed import Speedometer
from gan_core.snapshot import Mark, SingleUpdate, Snapshot
from gan_core.training.divergence import Diverged, broken_weights, healthy_rows
from gan_core.training.metrics_buffer import MetricsBuffer
from gan_core.training.threads import describe_threads, thread_count
from gan_core.training.trainer import Trainer

CHECK_EVERY = 0.05  # seconds between two checks for a broken run, where reading the metrics is cheap
BLOCK = 0.001  # seconds of training, about, between two readings of the clock
SAVE_EVERY = 3.0  # seconds of training between two saves: what a killed run loses at most
MOST_EVENTS = 200  # marks and single updates that are kept


class ActiveRun:
    """Trains, measures and saves. Methods raise what goes wrong in training, Diverged where numbers are not finite.

    ``threads``: with how many the caller has PyTorch compute. ``healthy``: what the last healthy weights show.
    """

    def __init__(self, config: GANConfig, folder: Path) -> None:
        own = folder / OWN_FILE
        self.trainer = Trainer(config, load_dataset(config, own) if own.exists() else None)
        self.threads = thread_count(config, self.trainer.dataset.features, self.trainer.device.type)
        self._folder = folder
        self._buffer = MetricsBuffer(self.trainer.device)
        self._history = History()
        self._marks: deque[Mark] = deque(maxlen=MOST_EVENTS)
        self._singles: deque[SingleUpdate] = deque(maxlen=MOST_EVENTS)
        self._speed = Speedometer()
        self._checked_at = time.perf_counter()
        self._saved_at = 0.0
        self._walk: Walkthrough | None = None
        self._experiment: Experiment | None = None
        self._renderer = Renderer(self.trainer)
        self.healthy = self._renderer.render(self.trainer)
        self._save()

    # Training ----------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Forget the speed from before a pause."""
        self._speed.restart()

    def train(self, seconds: float) -> None:
        """Train for about so long: whole iterations, at least one."""
        end, left = time.perf_counter() + seconds, seconds
        # Reading the clock waits for a GPU, so that it happens once in all this time.
        block = BLOCK if self.trainer.device.type == "cpu" else seconds
        while True:
            self._iterate(max(1, int(min(left, block) * self._speed.per_second)))
            left = end - time.perf_counter()
            if left <= 0:
                break
        if self._speed.seconds - self._saved_at >= SAVE_EVERY:
            self.settle()

    def step(self, count: int) -> None:
        """So many iterations; the first is what is left of one that a walk has begun."""
        if self._walk is not None and not self._walk.finished:
            count -= 1
            while not self._walk.finished:
                self.walk("turn")
        for _ in range(count):
            self._iterate()
        self.settle()

    def update(self, network: Network) -> None:
        """One update of this network alone, between two iterations: one that a walk has begun is finished first."""
        if self._walk is not None and not self._walk.finished:
            self._iterate()
        self.trainer.update(network)
        name = f"loss_{network.lower()}"
        loss = self.trainer.last_losses(network)[name]
        self._singles.append(SingleUpdate(self.trainer.iteration, network, loss))
        if not np.isfinite(loss):
            raise Diverged(name, loss, self.trainer.iteration)
        self.settle()

    def walk(self, to: Literal["stage", "turn"]) -> None:
        """The next stage of the iteration, or the rest of its turn."""
        if self._walk is None or self._walk.finished:
            self._walk = Walkthrough(self.trainer)
        if to == "stage":
            self._walk.advance()
        else:
            self._walk.finish_turn()
        if self._walk.metrics is not None:
            self._buffer.append(self._walk.metrics)
            self.settle()

    def _iterate(self, count: int = 1) -> None:
        """So many iterations, fewer if the buffer is full before; the first is what is left of one begun by a walk."""
        trainer = self.trainer
        began = time.perf_counter()
        walk, self._walk = self._walk, None
        if walk is not None and not walk.finished:
            self._buffer.append(walk.finish())
            count -= 1
        walk = None  # what it holds is freed
        for _ in range(min(count, self._buffer.room)):
            self._buffer.record(trainer.step_into)
        trainer.synchronize()  # else the clock would count how fast a GPU is given work
        # Reading the metrics waits for a GPU; on the CPU it costs little, and a broken run is seen within a slice.
        now = time.perf_counter()
        if not self._buffer.room or (trainer.device.type == "cpu" and now - self._checked_at >= CHECK_EVERY):
            self._check_metrics()
            now = self._checked_at
        self._speed.add(now - began, trainer.iteration)

    # Settings ----------------------------------------------------------------------------------------------

    def reconfigure(self, config: GANConfig) -> None:
        """Take over the fields that may change while training, and mark the change."""
        changed = self.trainer.config.differences(config)
        self.trainer.reconfigure(config)
        if "drawing" in changed:
            self._renderer.use_dataset(self.trainer)
        self._marks.extend(Mark(self.trainer.iteration, _describe_change(config, name)) for name in changed)

    def use_noise(self, seed: int) -> None:
        """Render fakes from this noise from now on."""
        self._renderer.use_noise(seed, self.trainer.config)

    def try_out(self, switches: Switches | None) -> None:
        """One iteration under other rules, on a copy; None forgets the last result."""
        self._experiment = None if switches is None else experiment(self.trainer, switches)

    # Results -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Check that everything measured so far is healthy, and save this state where a crash cannot reach it."""
        self._check_metrics()
        if diverged := broken_weights(self.trainer):
            raise diverged
        self.healthy = self._renderer.render(self.trainer)
        self._save()

    def _save(self) -> None:
        save_networks(self._folder, self.trainer)
        self._saved_at = self._speed.seconds

    def _check_metrics(self) -> None:
        rows, diverged = healthy_rows(self._buffer.take(), self._history.iterations + 1)
        self._history.extend(rows)
        self._checked_at = time.perf_counter()
        if diverged:
            raise diverged

    def render(self) -> Rendered:
        """What the present weights show, once all metrics are read."""
        self._check_metrics()
        return self._renderer.render(self.trainer)

    def snapshot(self, run_id: str, revision: int, rendered: Rendered) -> Snapshot:
        """The run as a watcher gets it, with ``rendered`` as its images or points."""
        trainer = self.trainer
        return Snapshot(
            run_id=run_id,
            revision=revision,
            config=trainer.config,
            iteration=trainer.iteration,
            epoch=trainer.sampler.epoch,
            updates_d=trainer.updates["D"],
            updates_g=trainer.updates["G"],
            seconds=self._speed.seconds,
            iterations_per_second=self._speed.per_second,
            device=device_words(trainer.device),
            precision=str(trainer.arithmetic.dtype).removeprefix("torch."),
            computing=" ".join(
                (trainer.arithmetic.description, trainer.engine.description, describe_threads(self.threads))
            ),
            devices=available_devices(),
            dataset_title=trainer.dataset.title,
            dataset_count=trainer.dataset.count,
            shape=trainer.dataset.shape,
            trace=self._history.trace(),
            marks=tuple(self._marks),
            singles=tuple(self._singles),
            real=self._renderer.real,
            fake=rendered.fake,
            pictures_iteration=rendered.iteration,
            sample_seed=self._renderer.seed,
            walk=None if self._walk is None else self._walk.view,
            experiment=self._experiment,
            points=rendered.points,
        )


def _describe_change(config: GANConfig, name: str) -> str:
    setting, value = GANConfig.setting(name), getattr(config, name)
    if setting.data:
        return f"{setting.label} changed"
    return f"{setting.label}: {setting.names.get(value, value)}"
