"""A run that has started: a Trainer with its history, speed and rendered samples."""

import json
import math
import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gan_core.changes import UPDATE
from gan_core.config import GANConfig, Network
from gan_core.data import load_dataset
from gan_core.data.own.samples import OWN_FILE
from gan_core.device import available_devices, device_words
from gan_core.diagnostics.laboratory import experiment
from gan_core.diagnostics.views import Experiment, Switches
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.export.weights import GENERATOR_FILE, save_networks
from gan_core.history import History
from gan_core.metrics import COLUMNS, TITLES
from gan_core.plurals import counted
from gan_core.runs.moments import Moment, Moments
from gan_core.runs.protocol import State
from gan_core.runs.record import read_run
from gan_core.runs.rendering import Rendered, Renderer
from gan_core.runs.saved import START_FILE, Lease, read_saved, refusing, write_saved
from gan_core.runs.speed import Schedule, Speed, Speedometer
from gan_core.runs.stop import Stop
from gan_core.runs.uploads import read_generator
from gan_core.snapshot import Change, Mark, Recipe, SingleUpdate, Snapshot
from gan_core.training.checkpoint import Checkpoint, CheckpointError, restore
from gan_core.training.divergence import Diverged, broken_weights, healthy_rows
from gan_core.training.metrics_buffer import MetricsBuffer
from gan_core.training.threads import describe_threads, thread_count
from gan_core.training.trainer import Trainer

CHECK_EVERY = 0.05  # seconds between two checks for divergence, where reading the metrics is cheap
BLOCK = 0.001  # approximate seconds of training between two readings of the clock
SAVE_EVERY = 3.0  # seconds of training between two saves of the networks, which Download gives after a failure
SAVE_STATE_EVERY = 30.0  # seconds between two saves of the whole state: a killed run loses no more
MAX_EVENTS = 200  # marks, and as many single updates, that are kept


class ActiveRun:
    """Trains, measures and saves. Methods raise the errors of training, and Diverged where numbers are not finite.

    ``threads``: how many the caller lets PyTorch use. ``healthy``: samples rendered from the last healthy weights.
    ``until``: the condition that ends ``train``; ``stopped`` is then the reason. ``rebuilding``: what is left of the recipe
    that ``train`` repeats. ``save_problem``: why the disk does not take the networks; "" once they are saved.
    """

    def __init__(self, config: GANConfig, folder: Path) -> None:
        own = folder / OWN_FILE
        self._lease = self._take_lease(folder)
        saved = read_saved(folder)
        config = config if saved is None else saved.config
        self.trainer = Trainer(config, load_dataset(config, own) if own.exists() else None)
        self.threads = thread_count(config, self.trainer.dataset.features, self.trainer.device.type)
        self._folder = folder
        self._buffer = MetricsBuffer(self.trainer.device)
        self._history = History()
        self._initial = config
        self._changes: list[Change] = []
        self._repeatable = True
        self._marks: deque[Mark] = deque(maxlen=MAX_EVENTS)
        self._singles: deque[SingleUpdate] = deque(maxlen=MAX_EVENTS)
        self._metrics: dict[str, float] = {}  # of the last iteration that was checked
        self._speed = Speed()
        self._speedometer = Speedometer()
        self._schedule = Schedule()
        self.until: Stop | None = None
        self.stopped = ""
        self.rebuilding: Recipe | None = None
        self._checked_at = time.perf_counter()
        self._saved_at = 0.0
        self._saved_iteration = 0
        self._state_saved_at = time.monotonic()
        self._tried_at = 0.0
        self.save_problem = ""
        self._walk: Walkthrough | None = None
        self._before_walk: Checkpoint | None = None
        self._experiment: Experiment | None = None
        self._renderer = Renderer(self.trainer)
        self._moments = Moments(folder)
        self._fork = 0
        self._generator_from: int | None = None
        start = folder / START_FILE
        if saved is not None:
            with refusing(folder):
                self._continue_from(saved)
        elif start.exists():
            self._begin_with_generator(start)
        self.healthy = self._renderer.render(self.trainer)
        if self._trained and not np.isfinite(self.healthy.fake).all():
            raise CheckpointError("Its generator makes no numbers.")
        self._save(whole=saved is None and self._trained)

    @staticmethod
    def _take_lease(folder: Path) -> Lease | None:
        with suppress(OSError):  # a full disk: the next save says so
            return Lease(folder)
        return None

    # Training ----------------------------------------------------------------------------------------------

    def play(self, until: Stop | None) -> None:
        """Measure the speed anew after a pause, and pause where ``until`` says; ValueError if that is not possible."""
        if until is not None:
            until.check(self.trainer.iteration)
        self.until, self.stopped = until, ""
        self.set_speed(self._speed)

    def set_speed(self, speed: Speed) -> None:
        """Go on at this speed, which is measured anew."""
        self._speed = speed
        self._schedule.begin(self._pace.interval)
        self._speedometer.restart()

    @property
    def _pace(self) -> Speed:
        """The speed, which does not slow a recipe down."""
        return self._speed if self.rebuilding is None else Speed()

    def replay(self, recipe: Recipe) -> None:
        """Have ``train`` repeat ``recipe``, beginning with its changes at the present iteration."""
        self.rebuilding = recipe
        self.play(None)

    def end_replay(self) -> None:
        """Leave out the rest of the recipe."""
        if self.rebuilding is not None:
            self.stopped = (
                f"Rebuilding ended at iteration {self.trainer.iteration:,} of {self.rebuilding.iterations:,}."
            )
            self.rebuilding = None

    def _repeat_changes(self) -> None:
        """Make the recipe's changes that are due, and stop after its last iteration."""
        while (recipe := self.rebuilding) and recipe.changes and recipe.changes[0].iteration <= self.trainer.iteration:
            self.rebuilding = replace(recipe, changes=recipe.changes[1:])
            values = recipe.changes[0].values
            if UPDATE in values:
                self.update(values[UPDATE])
            else:
                self.reconfigure(self.trainer.config.replace(**values))
        if recipe and self.trainer.iteration >= recipe.iterations:
            self.rebuilding, self.stopped = None, f"Rebuilt up to iteration {self.trainer.iteration:,}."

    @property
    def wait(self) -> float:
        """Seconds until ``train`` has something to do."""
        return self._schedule.wait

    def train(self, seconds: float) -> None:
        """Train for about ``seconds``: whole iterations, at least one; at a limited speed, those that are due.

        It ends early where the condition ``until`` is met.
        """
        end, left = time.perf_counter() + seconds, seconds
        # Reading the clock waits for a GPU, so it is read only once there.
        block = BLOCK if self.trainer.device.type == "cpu" else seconds
        self._keep_moment()  # the first one is of the untrained networks
        self._repeat_changes()
        while not self.stopped:
            before = self.trainer.iteration
            if self._pace.slow_motion:
                self._play_stage()
            else:
                self._iterate(self._iterations_in(min(left, block)))
            self._schedule.advance()
            if self.trainer.iteration > before:
                self._repeat_changes()
                self._keep_moment()
                self._stop_if_met()
            left = end - time.perf_counter()
            if left <= 0 or self.wait:
                break
        if time.monotonic() - self._state_saved_at >= SAVE_STATE_EVERY:
            self.save()
        elif self._speedometer.seconds - self._saved_at >= SAVE_EVERY:
            self.checkpoint()

    def _iterations_in(self, seconds: float) -> int:
        """Return how many iterations may follow at once: about ``seconds`` of them, none after ``until`` or the next change."""
        until, recipe = self.until, self.rebuilding
        if self._pace.interval or (until is not None and until.iteration is None):
            return 1
        count = max(1, int(seconds * self._speedometer.computed.per_second))
        ends = [until.iteration] if until is not None and until.iteration is not None else []
        if recipe is not None:
            ends += [recipe.iterations, *(change.iteration for change in recipe.changes[:1])]
        return min([count, *(end - self.trainer.iteration for end in ends)])

    def _stop_if_met(self) -> None:
        if self.until is None:
            return
        if self.until.metric:
            self._check_metrics()  # waits for a GPU: only a condition on a metric costs that
        if reason := self.until.reason(self.trainer.iteration, self._metrics):
            self.until, self.stopped = None, reason

    def _play_stage(self) -> None:
        began = time.perf_counter()
        self.walk("stage")
        self._speedometer.add(time.perf_counter() - began, self.trainer.iteration)

    def step(self, count: int) -> None:
        """Train ``count`` iterations; the first one finishes an iteration that a walk has begun."""
        if self._walk is not None and not self._walk.finished:
            count -= 1
            while not self._walk.finished:
                self.walk("turn")
        self._keep_moment()
        for _ in range(count):
            self._iterate()
            self._keep_moment()
        self.save()

    def update(self, network: Network) -> None:
        """Update this network alone, after finishing an iteration that a walk has begun."""
        if self._walk is not None and not self._walk.finished:
            self._iterate()
        self.trainer.update(network)
        name = f"loss_{network.lower()}"
        loss = self.trainer.last_losses(network)[name]
        self._singles.append(SingleUpdate(self.trainer.iteration, network, loss))
        self._changes.append(Change(self.trainer.iteration, {"update": network}))
        if not np.isfinite(loss):
            raise Diverged(TITLES[name], loss, self.trainer.iteration)
        self.save()

    def walk(self, to: Literal["stage", "turn"]) -> None:
        """Execute the next stage of the iteration, or the rest of its turn."""
        if self._walk is None or self._walk.finished:
            self._before_walk = Checkpoint.of(self.trainer)
            self._walk = Walkthrough(self.trainer)
        if to == "stage":
            self._walk.advance()
        else:
            self._walk.finish_turn()
        if self._walk.metrics is not None:
            self._buffer.append(self._walk.metrics)
            self.checkpoint()

    def _iterate(self, count: int = 1) -> None:
        """Train up to ``count`` iterations, until the buffer is full; the first one finishes one that a walk has begun."""
        trainer = self.trainer
        began = time.perf_counter()
        walk, self._walk = self._walk, None
        if walk is not None and not walk.finished:
            self._buffer.append(walk.finish())
            count -= 1
        walk = None  # frees its tensors
        for _ in range(min(count, self._buffer.room)):
            self._buffer.record(trainer.step_into)
        trainer.synchronize()  # otherwise only the launches on a GPU would be timed
        # Reading the metrics waits for a GPU; on the CPU it is cheap, and divergence is found within a slice.
        now = time.perf_counter()
        if not self._buffer.room or (trainer.device.type == "cpu" and now - self._checked_at >= CHECK_EVERY):
            self._check_metrics()
            now = self._checked_at
        self._speedometer.add(now - began, trainer.iteration)

    # Settings ----------------------------------------------------------------------------------------------

    def reconfigure(self, config: GANConfig) -> None:
        """Apply the fields that may change while training, and mark each change of what has begun to train."""
        changed = self.trainer.config.differences(config)
        self.trainer.reconfigure(config)
        if changed and self._walk is not None and not self._walk.finished:
            self._repeatable = False
        if not self._trained:
            self._initial = config
        elif changed:
            self._changes.append(Change(self.trainer.iteration, {name: getattr(config, name) for name in changed}))
        if "drawing" in changed:
            self._renderer.use_dataset(self.trainer)
        if self._trained:
            self._marks.extend(Mark(self.trainer.iteration, _describe_change(config, name)) for name in changed)

    def use_noise(self, seed: int) -> None:
        """Render fakes from the noise of this seed from now on."""
        self._renderer.use_noise(seed, self.trainer.config)

    def try_out(self, switches: Switches | None) -> None:
        """Run one iteration with changed rules on a copy; None removes the last result."""
        self._experiment = None if switches is None else experiment(self.trainer, switches)

    # Results -----------------------------------------------------------------------------------------------

    def checkpoint(self, whole: bool = False) -> None:
        """Check that all metrics and weights are finite, then save the networks to the run's folder.

        ``whole``: save the whole state too, from which a new process continues bit for bit. In the middle of a walk, that is
        the state at the beginning of its iteration.
        """
        self._check_metrics()
        if diverged := broken_weights(self.trainer):
            raise diverged
        self.healthy = self._renderer.render(self.trainer)
        self._save(whole)

    def save(self) -> None:
        """Do what ``checkpoint`` does, with the whole state, and keep a moment if the run has grown enough for one."""
        self.checkpoint(whole=True)
        self._keep_moment(at_once=True)

    def _save(self, whole: bool = False) -> None:
        """Save; a full disk or a folder that was removed ends no training."""
        if not self._may_save:
            return
        try:
            # Temporary files are cleaned up on some machines.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            save_networks(self._folder, self.trainer)
            self._saved_iteration = self.trainer.iteration
            if whole and self._trained:
                write_saved(self._folder, self._state())
            self.save_problem = ""
        except OSError as error:
            self.save_problem = error.strerror or str(error)
        self._saved_at, self._tried_at = self._speedometer.seconds, time.monotonic()
        if whole:
            self._state_saved_at = time.monotonic()

    def _state(self) -> Checkpoint:
        """Return the trainer's state with this run's own."""
        walking = self._walk is not None and not self._walk.finished and self._before_walk is not None
        trainer = self._before_walk if walking and self._before_walk else Checkpoint.of(self.trainer, copy=False)
        history = self._history.state()
        arrays = {f"history.{name}": history.pop(name) for name in ("values", "sum")}
        run = {
            "initial": json.loads(self._initial.to_json()),
            "changes": [asdict(change) for change in self._changes],
            "history": history,
            "marks": [asdict(mark) for mark in self._marks],
            "singles": [asdict(single) for single in self._singles],
            "seconds": self._speedometer.seconds,
            "speed": asdict(self._speed),
            "sample_seed": self._renderer.seed,
            "fork": self._fork,
            "repeatable": self._repeatable,
            "generator_from": self._generator_from,
        }
        return Checkpoint(trainer.arrays | arrays, trainer.record | {"run": run})

    def _continue_from(self, saved: Checkpoint) -> None:
        """Take over what ``_state`` has returned. CheckpointError if it does not fit together."""
        run, history = read_run(saved)
        restore(self.trainer, saved)
        self._history = history
        self._initial, self._changes = run.initial, list(run.changes)
        self._marks.extend(run.marks)
        self._singles.extend(run.singles)
        self._fork, self._generator_from, self._repeatable = run.fork, run.generator_from, run.repeatable
        self._speedometer.seconds, self._speed = run.seconds, run.speed
        self._renderer.use_noise(run.sample_seed, self.trainer.config)

    def _begin_with_generator(self, file: Path) -> None:
        """Take over a trained generator's weights; the discriminator and all else are new. CheckpointError if it cannot."""
        from safetensors.torch import load

        data = file.read_bytes()
        _, self._generator_from = read_generator(data)
        self.trainer.load_state_dict(self.trainer.state_dict() | {"generator": load(data)})
        self._marks.append(Mark(0, f"generator from a file: {counted(self._generator_from, 'iteration')}"))

    def _keep_moment(self, at_once: bool = False) -> None:
        """Keep what the page shows now, and the state, if the run has grown enough since the last moment.

        Not ``at_once``: only as often as training hardly notices.
        """
        seconds = self._speedometer.seconds
        due = self._moments.due(self.trainer.iteration, math.inf if at_once else seconds)
        trained = self._trained
        if not due or not self._may_save or (at_once and not trained):
            return
        began = middle = time.perf_counter()
        self._check_metrics()
        if broken_weights(self.trainer):
            return  # the next checkpoint says so
        shown = self._renderer.render_first_noise(self.trainer)
        with suppress(OSError):  # the next save says that the disk is full
            self._moments.keep(Moment(shown.iteration, shown.fake, shown.points))
            middle = time.perf_counter()
            if trained and (at_once or self._moments.state_due(seconds)):
                self._moments.keep_state(self._state())
        self._moments.wait(seconds, middle - began, time.perf_counter() - middle)

    @property
    def _trained(self) -> bool:
        """Whether there is anything to lose."""
        return any(self.trainer.updates.values()) or self._generator_from is not None

    @property
    def _may_save(self) -> bool:
        """Whether the run does not train on in another process."""
        return self._lease is None or not self._lease.lost

    def retry_save(self) -> None:
        """Save what could not be saved before; do so at most every few seconds."""
        if self.save_problem and time.monotonic() - self._tried_at >= SAVE_EVERY:
            self.save()

    def describe_save_problem(self, state: State) -> str:
        """Return sentences for the page about ``save_problem``, which are true of a run in this state; "" without one."""
        if not self.save_problem:
            return ""
        kept = os.path.exists(self._folder / GENERATOR_FILE)
        has = f"gives the generator of iteration {self._saved_iteration:,}" if kept else "has no generator"
        again = {"running": "Training goes on and the save is tried again; until then, ", "failed": ""}
        return (
            f"This run cannot be saved in {self._folder.parent}: {self.save_problem}."
            f" {again.get(state, 'The save is tried again; until then, ')}Download {has}."
        )

    def _check_metrics(self) -> None:
        rows, diverged = healthy_rows(self._buffer.take(), self._history.iterations + 1)
        self._history.extend(rows)
        if len(rows):
            self._metrics = dict(zip(COLUMNS, rows[-1].tolist(), strict=True))
        self._checked_at = time.perf_counter()
        if diverged:
            raise diverged

    def render(self) -> Rendered:
        """Check all metrics, then render samples from the present weights."""
        self._check_metrics()
        return self._renderer.render(self.trainer)

    def snapshot(self, run_id: str, revision: int, rendered: Rendered) -> Snapshot:
        """Return the run's state, with ``rendered`` as its samples."""
        trainer = self.trainer
        rate = self._speedometer.real if self._pace.interval else self._speedometer.computed
        return Snapshot(
            run_id=run_id,
            revision=revision,
            config=trainer.config,
            iteration=trainer.iteration,
            epoch=trainer.sampler.epoch,
            updates_d=trainer.updates["D"],
            updates_g=trainer.updates["G"],
            seconds=self._speedometer.seconds,
            iterations_per_second=rate.per_second,
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
            samples_iteration=rendered.iteration,
            sample_seed=self._renderer.seed,
            walk=None if self._walk is None else self._walk.view,
            experiment=self._experiment,
            points=rendered.points,
            speed=self._speed,
            until=self.until,
            stopped=self.stopped,
            initial=self._initial,
            changes=tuple(self._changes),
            rebuilding=self.rebuilding,
            repeatable=self._repeatable,
            moments=tuple(self._moments.views),
            states=tuple(self._moments.states),
            fork=self._fork,
            generator_from=self._generator_from,
        )


def _describe_change(config: GANConfig, name: str) -> str:
    setting, value = GANConfig.setting(name), getattr(config, name)
    if setting.data:
        return f"{setting.label} changed"
    return f"{setting.label}: {setting.names.get(value, value)}"
