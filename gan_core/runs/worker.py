"""The loop of a run, the same in every runner: commands in, reports out."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.runs import protocol
from gan_core.runs.active_run import ActiveRun
from gan_core.runs.protocol import Failure, Report, State, Stop
from gan_core.snapshot import Snapshot
from gan_core.training.divergence import Diverged
from gan_core.training.threads import use_threads

BUSY = 0.1  # share of the time; a run at a limited speed that computes for less needs no turn
SLICE = 0.005  # seconds of training between two checks for commands; at least one iteration


class Worker:
    """Carries out a run's commands and keeps its state.

    Methods do not raise the errors of training: the state becomes "failed", and ``failure`` gives the reason.
    """

    def __init__(self, run_id: str, config: GANConfig, folder: Path) -> None:
        self.run_id = run_id
        self.config = config
        self.folder = folder
        self.state: State = "starting"
        self.failure: Failure | None = None
        self.revision = 0
        self._run: ActiveRun | None = None
        self._snapshot: Snapshot | None = None

    @property
    def wait(self) -> float | None:
        """Seconds until ``advance`` would train; None while only another command can bring that about."""
        return self._active().plan.wait if self.state == "running" else None

    @property
    def needs_turn(self) -> bool:
        """Whether it keeps a core busy: it trains, and not so slowly that this costs little."""
        return self.state == "running" and self._active().plan.busy > BUSY

    @property
    def saved(self) -> bool:
        """Whether the last save has succeeded, of a run that has not failed."""
        return self.state != "failed" and not self._active().saver.problem

    def start(self) -> None:
        """Build networks and load data."""
        self._guarded(self._start)

    def handle(self, command: protocol.Command) -> None:
        """Carry out one command; a failed run ignores it."""
        if self.state != "failed":
            self._guarded(lambda: self._carry_out(command))

    def advance(self, seconds: float = SLICE) -> None:
        """If running, train for about this long: whole iterations, at least one; at a limited speed, those that are due."""
        if self.wait == 0:
            self._guarded(lambda: self._train(seconds))

    def report(self, since: int = -1) -> Report:
        """Return the state, and a snapshot if anything has changed since revision ``since``."""
        if self.state not in ("starting", "failed"):
            self._guarded(self._active().retry_save)
        if self.state not in ("starting", "failed"):
            self._guarded(self._render)
        snapshot = self._snapshot if self._snapshot is not None and self._snapshot.revision > since else None
        warning = self._run.saver.describe_problem(self.state) if self._run is not None else ""
        return Report(self.state, snapshot, self.failure, warning=warning)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            with use_threads(self._run.threads) if self._run is not None else nullcontext():
                action()
        except Diverged as error:
            failure = Failure.of(error)
            self._fail(replace(failure, message=f"{error} The last healthy generator can still be downloaded."))
        except Exception as error:  # any error must reach the page and not end the process
            self._fail(Failure.of(error))

    def _fail(self, failure: Failure) -> None:
        self.state, self.failure = "failed", failure
        self.revision += 1
        if self._run is not None:
            self._run.plan.until = self._run.plan.rebuilding = None
            self._snapshot = self._run.snapshot(self.run_id, self.revision, self._run.healthy)

    def _start(self) -> None:
        self._run = ActiveRun(self.config, self.folder)
        self.state = "paused"

    def _train(self, seconds: float) -> None:
        run = self._active()
        run.train(seconds)
        self.revision += 1
        if run.plan.stopped:
            self.state = "paused"
            run.save()

    def _render(self) -> None:
        if self._snapshot is None or self._snapshot.revision != self.revision:
            run = self._active()
            self._snapshot = run.snapshot(self.run_id, self.revision, run.render())

    def _active(self) -> ActiveRun:
        assert self._run is not None, "a run that has not started is 'starting' or 'failed'"
        return self._run

    def _carry_out(self, command: protocol.Command) -> None:
        run = self._active()
        self.revision += 1
        if run.plan.rebuilding is not None and not isinstance(
            command, protocol.Speed | protocol.Save | protocol.Sample | protocol.Try
        ):
            self.state = "paused"
            run.end_replay()
        if isinstance(command, protocol.Pause | protocol.Step | protocol.Update | protocol.Walk):
            self.state = "paused"
            run.plan.until = None
        if isinstance(command, protocol.Step | protocol.Update | protocol.Walk):
            run.plan.stopped = ""
        match command:
            case protocol.Play(until):
                self._play(run, until)
            case protocol.Replay(recipe):
                run.replay(recipe)
                self.state = "running"
            case protocol.Speed():
                run.plan.set_speed(command)
            case protocol.Pause() | protocol.Save():
                run.save()
            case protocol.Step(count):
                run.step(count)
            case protocol.Update(network):
                run.update(network)
            case protocol.Walk(to):
                run.walk(to)
            case protocol.Reconfigure(config):
                run.reconfigure(config)
            case protocol.Sample(seed):
                run.use_noise(seed)
            case protocol.Try(switches):
                run.try_out(switches)

    def _play(self, run: ActiveRun, until: Stop | None) -> None:
        try:
            run.play(until)
            self.state = "running"
        except ValueError as error:  # it cannot stop there, or no longer: the run may have been there when it was asked
            self.state = "paused"
            run.plan.stopped, run.plan.until = str(error), None
            run.checkpoint()
