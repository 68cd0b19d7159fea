"""A run that has started: a Trainer, what it has measured and rendered, and its plan, journal and files."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np

from gan_core.changes import UPDATE
from gan_core.config import GANConfig, Network
from gan_core.data import load_dataset
from gan_core.data.own.samples import OWN_FILE
from gan_core.diagnostics.laboratory import experiment
from gan_core.diagnostics.views import Experiment, Switches
from gan_core.metrics import TITLES
from gan_core.runs.journal import Journal
from gan_core.runs.measured import Measured
from gan_core.runs.plan import Plan
from gan_core.runs.record import read_run
from gan_core.runs.rendering import Rendered, Renderer
from gan_core.runs.saved import START_FILE, read_saved, refusing
from gan_core.runs.saving import Saver
from gan_core.runs.shown import show_trainer
from gan_core.runs.stepping import Stepper
from gan_core.runs.stop import Stop
from gan_core.runs.uploads import read_generator
from gan_core.snapshot import Recipe, Snapshot
from gan_core.training.checkpoint import Checkpoint, CheckpointError, check_device, restore
from gan_core.training.divergence import Diverged, broken_weights
from gan_core.training.threads import thread_count
from gan_core.training.trainer import Trainer

BLOCK = 0.001  # approximate seconds of training between two readings of the clock


class ActiveRun:
    """Trains, measures and saves. Methods raise the errors of training, and Diverged where numbers are not finite.

    ``threads``: how many the caller lets PyTorch use. ``healthy``: samples rendered from the last healthy weights.
    """

    def __init__(self, config: GANConfig, folder: Path) -> None:
        own = folder / OWN_FILE
        self.saver = Saver(folder)  # before the state is read: no other process saves it from now on
        saved = read_saved(folder)
        if saved is not None:
            with refusing(folder):
                check_device(saved)
            config = saved.config
        self.trainer = Trainer(config, load_dataset(config, own) if own.exists() else None)
        self.threads = thread_count(config, self.trainer.dataset.features, self.trainer.device.type)
        self.plan = Plan()
        self._journal = Journal(config)
        self._measured = Measured(self.trainer.device)
        self._stepper = Stepper(self.trainer, self._measured)
        self._experiment: Experiment | None = None
        self._renderer = Renderer(self.trainer)
        start = folder / START_FILE
        if saved is not None:
            with refusing(folder):
                self._continue_from(saved)
        elif start.exists():
            self._begin_with_generator(start)
        self.healthy = self._renderer.render(self.trainer)
        if self._trained and not np.isfinite(self.healthy.fake).all():
            raise CheckpointError("Its generator makes no numbers.")
        self._save(saved is None, time.perf_counter())

    def _continue_from(self, saved: Checkpoint) -> None:
        """Take over what ``_state`` has returned. CheckpointError if it does not fit together."""
        run, self._measured.history = read_run(saved)
        restore(self.trainer, saved)
        self._journal.resume(run)
        self.plan.speedometer.seconds, self.plan.speed = run.seconds, run.speed
        self._renderer.use_noise(run.sample_seed, self.trainer.config)

    def _begin_with_generator(self, file: Path) -> None:
        """Take over a trained generator's weights; the discriminator and all else are new. CheckpointError if it cannot."""
        from safetensors.torch import load

        data = file.read_bytes()
        _, iterations = read_generator(data)
        self.trainer.load_state_dict(self.trainer.state_dict() | {"generator": load(data)})
        self._journal.begin_with_generator(iterations)

    # Training ----------------------------------------------------------------------------------------------

    def play(self, until: Stop | None) -> None:
        """Measure the speed anew after a pause, and pause where ``until`` says; ValueError if that is not possible."""
        self.plan.play(until, self.trainer.iteration)

    def replay(self, recipe: Recipe) -> None:
        """Have ``train`` repeat ``recipe``, beginning with its changes at the present iteration."""
        self.plan.replay(recipe, self.trainer.iteration)

    def end_replay(self) -> None:
        """Leave out the rest of the recipe."""
        self.plan.end_replay(self.trainer.iteration)

    def train(self, seconds: float) -> None:
        """Train for about ``seconds``: whole iterations, at least one; at a limited speed, those that are due.

        It ends early where the plan stops it.
        """
        end, left = time.perf_counter() + seconds, seconds
        # Reading the clock waits for a GPU, so it is read only once there.
        block = BLOCK if self.trainer.device.type == "cpu" else seconds
        self._keep_moment()  # the first one is of the untrained networks
        self._repeat_changes()
        while not self.plan.stopped:
            before = self.trainer.iteration
            if self.plan.pace.slow_motion:
                self._play_stage()
            else:
                self._iterate(self.plan.iterations_in(min(left, block), before))
            self.plan.advance()
            if self.trainer.iteration > before:
                self._repeat_changes()
                self._keep_moment()
                self._stop_if_met()
            left = end - time.perf_counter()
            if left <= 0 or self.plan.wait:
                break
        if self.saver.state_due:
            self.save()
        elif self.saver.networks_due(self._seconds):
            self.checkpoint()

    def _repeat_changes(self) -> None:
        """Make the recipe's changes that are due."""
        while change := self.plan.next_change(self.trainer.iteration):
            if UPDATE in change.values:
                self.update(change.values[UPDATE])
            else:
                self.reconfigure(self.trainer.config.replace(**change.values))

    def _stop_if_met(self) -> None:
        if self.plan.until is not None and self.plan.until.metric:
            self._measured.check()  # waits for a GPU: only a condition on a metric costs that
        self.plan.stop_if_met(self.trainer.iteration, self._measured.last)

    def _play_stage(self) -> None:
        began = time.perf_counter()
        self.walk("stage")
        self.plan.speedometer.add(time.perf_counter() - began, self.trainer.iteration)

    def step(self, count: int) -> None:
        """Train ``count`` iterations; the first one finishes an iteration that a walk has begun."""
        if self._stepper.walking:
            count -= 1
            while self._stepper.walking:
                self.walk("turn")
        self._keep_moment()
        for _ in range(count):
            self._iterate()
            self._keep_moment()
        self.save()

    def update(self, network: Network) -> None:
        """Update this network alone, after finishing an iteration that a walk has begun."""
        if self._stepper.walking:
            self._iterate()
        self.trainer.update(network)
        name = f"loss_{network.lower()}"
        loss = self.trainer.last_losses(network)[name]
        self._journal.note_update(self.trainer.iteration, network, loss)
        if not np.isfinite(loss):
            raise Diverged(TITLES[name], loss, self.trainer.iteration)
        self.save()

    def walk(self, to: Literal["stage", "turn"]) -> None:
        """Execute the next stage of the iteration, or the rest of its turn."""
        self._stepper.walk(to)
        if not self._stepper.walking:
            self.checkpoint()

    def _iterate(self, count: int = 1) -> None:
        began = time.perf_counter()
        self._stepper.iterate(count)
        self.plan.speedometer.add(time.perf_counter() - began, self.trainer.iteration)

    # Settings ----------------------------------------------------------------------------------------------

    def reconfigure(self, config: GANConfig) -> None:
        """Apply the fields that may change while training, and mark each change of what has begun to train."""
        changed = self.trainer.config.differences(config)
        self.trainer.reconfigure(config)
        self._journal.note_settings(
            self.trainer.iteration, config, changed, trained=self._trained, walking=self._stepper.walking
        )
        if "drawing" in changed:
            self._renderer.use_dataset(self.trainer)

    def use_noise(self, seed: int) -> None:
        """Render fakes from the noise of this seed from now on."""
        self._renderer.use_noise(seed, self.trainer.config)

    def try_out(self, switches: Switches | None) -> None:
        """Run one iteration with changed rules on a copy; None removes the last result."""
        self._experiment = None if switches is None else experiment(self.trainer, switches)

    # Saving ------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Do what ``checkpoint`` does, with the whole state, and keep a moment if the run has grown enough for one."""
        self.checkpoint(whole=True)
        if self._trained:
            self._keep_moment(at_once=True)

    def retry_save(self) -> None:
        """Save what could not be saved before; do so at most every few seconds."""
        if self.saver.retry_due:
            self.save()

    def checkpoint(self, whole: bool = False) -> None:
        """Check that all metrics and weights are finite, then save the networks to the run's folder.

        ``whole``: save the whole state too, from which a new process continues bit for bit. In the middle of a walk, that is
        the state at the beginning of its iteration.
        """
        began = time.perf_counter()
        self._measured.check()
        if diverged := broken_weights(self.trainer):
            raise diverged
        self.healthy = self._renderer.render(self.trainer)
        self._save(whole, began)

    def _save(self, whole: bool, began: float) -> None:
        self.saver.save(self.trainer, self._seconds, self._state if whole and self._trained else None, began)

    def _keep_moment(self, at_once: bool = False) -> None:
        """Keep what the page shows now if that is due, and the state if there is time."""
        if self.saver.moment_due(self.trainer.iteration, self.plan.time, at_once):
            self.saver.keep_moment(self.plan.time, self._render_moment, self._state if self._trained else None, at_once)

    def _render_moment(self) -> Rendered | None:
        """Render what a moment keeps; None from broken weights, which the next checkpoint reports."""
        self._measured.check()
        return None if broken_weights(self.trainer) else self._renderer.render_first_noise(self.trainer)

    def _state(self) -> Checkpoint:
        """Return the trainer's state with this run's own."""
        trainer = self._stepper.state()
        history = self._measured.history.state()
        arrays = {f"history.{name}": history.pop(name) for name in ("values", "sum")}
        run = self._journal.record() | {
            "history": history,
            "seconds": self._seconds,
            "speed": asdict(self.plan.speed),
            "sample_seed": self._renderer.seed,
        }
        return Checkpoint(trainer.arrays | arrays, trainer.record | {"run": run})

    @property
    def _seconds(self) -> float:
        """Seconds spent training."""
        return self.plan.speedometer.seconds

    @property
    def _trained(self) -> bool:
        """Whether there is anything to lose."""
        return any(self.trainer.updates.values()) or self._journal.generator_from is not None

    # Results -----------------------------------------------------------------------------------------------

    def render(self) -> Rendered:
        """Check all metrics, then render samples from the present weights."""
        self._measured.check()
        return self._renderer.render(self.trainer)

    def snapshot(self, run_id: str, revision: int, rendered: Rendered) -> Snapshot:
        """Return the run's state, with ``rendered`` as its samples."""
        return Snapshot(
            run_id=run_id,
            revision=revision,
            trace=self._measured.history.trace(),
            real=self._renderer.real,
            fake=rendered.fake,
            samples_iteration=rendered.iteration,
            sample_seed=self._renderer.seed,
            points=rendered.points,
            walk=self._stepper.view,
            experiment=self._experiment,
            moments=tuple(self.saver.moments.views),
            states=tuple(self.saver.moments.states),
            **show_trainer(self.trainer, self.threads),
            **self.plan.shown(),
            **self._journal.shown(),
        )
