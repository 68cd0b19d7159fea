"""One run: its process, its folder, and the pages that show it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE
from gan_core.export.weights import GENERATOR_FILE
from gan_core.runs.filling import Fill
from gan_core.runs.protocol import TRAINING, Command, Failure, Pause, Play, Reconfigure, Replay, Report, Runner, Speed
from gan_core.runs.saved import RUN_FILE, START_FILE, refusing, saved_config
from gan_core.runs.store import Access, Store
from gan_core.runs.uploads import pack_run
from gan_core.snapshot import Ghost
from gan_core.training.checkpoint import CheckpointError, read_header

PARKED = "This run waits for memory, which another run of this server has now."

MakeRunner = Callable[[str, GANConfig, Path], Runner]


class CannotStart(RuntimeError):
    """A run failed before its first iteration; the message is fit for a page.

    ``refusal``: its settings or data are to blame; otherwise the same may succeed another time.
    """

    def __init__(self, message: str, refusal: bool = False) -> None:
        super().__init__(message)
        self.refusal = refusal


class RunEnded(RuntimeError):
    """A run was asked for something after its end; the message is fit for a page."""


class Run:
    """One run: its runner, the folder of its networks, and the pages that show it.

    ``fill`` puts files into its new folder: the learner's own data, or a state to begin from. ``pages``: the names of the
    pages that show it; a closed one may come back. ``closed_at``: when a sweep first found none of them open.
    ``paused_after_close``: how it trained when it was paused because of that. ``speed``: the last one that was sent.
    ``rebuilding``: it repeats a recipe, whose changes ``poll`` takes over into ``config``. ``parked``: see ``park``.
    ``ghost``: the last trained run under this id that was replaced; its polls bring it along.
    """

    def __init__(
        self,
        run_id: str,
        config: GANConfig,
        make_runner: MakeRunner,
        store: Store,
        access: Access,
        fill: Fill = lambda folder: None,
    ) -> None:
        try:
            folder = store.make_folder()
        except OSError as error:
            reason = f"the folder for runs, {store.root}, cannot be used: {error.strerror or error}"
            raise CannotStart(f"No run can begin on this server, because {reason}.") from error
        try:
            fill(folder)
            self._begin(run_id, config, make_runner, store, access, folder)
        except BaseException as error:  # nothing else removes the folder
            store.release(folder)
            if isinstance(error, OSError):  # a full disk, no process available
                raise CannotStart(f"No run can begin on this server: {error.strerror or error}.") from error
            raise

    @classmethod
    def saved(cls, run_id: str, make_runner: MakeRunner, store: Store, access: Access, folder: Path) -> Self:
        """Return the run that was saved in ``folder``, paused. CheckpointError if it cannot be opened."""
        run = cls.__new__(cls)
        with refusing(folder):
            config = saved_config(folder)
        run._begin(run_id, config, make_runner, store, access, folder)
        return run

    def _begin(
        self, run_id: str, config: GANConfig, make_runner: MakeRunner, store: Store, access: Access, folder: Path
    ) -> None:
        self.id = run_id
        self.config = config
        self.access = access
        self.folder = folder
        self.pages: set[str] = set()
        self.closed_at: float | None = None
        self.paused_after_close: Play | Replay | None = None
        self.rebuilding = False
        self.ended = False
        self.speed = Speed()
        self.ghost: Ghost | None = None
        self._pausing = False
        self._parked: Report | None = None  # what it reports meanwhile
        self._again: Play | Replay | None = None  # how it trained when it was parked
        # Whether its process has something to lose.
        self._begun = any((folder / name).exists() for name in (RUN_FILE, START_FILE))
        self._store = store
        self._make_runner = make_runner
        self.runner = make_runner(run_id, config, folder)

    def closed_for(self, now: float) -> float:
        """Return the seconds since its last page was closed; -1 while one is open."""
        return -1.0 if self.closed_at is None else now - self.closed_at

    def send(self, command: Command) -> None:
        """Have ``command`` carried out; CannotStart, and nothing changes, if the server has no memory for it.

        Reconfigure applies the fields that may change while training; the others must be the run's. As a run that has
        failed, a parked one ignores it.
        """
        if self.parked:
            return
        self.runner.send(command)
        if isinstance(command, Speed):
            self.speed = command
        if isinstance(command, Reconfigure):
            self.config = command.config
        self._pausing = isinstance(command, Pause)
        self.rebuilding = self.rebuilding or isinstance(command, Replay)
        self._begun = self._begun or isinstance(command, TRAINING)

    def pause_closed(self) -> None:
        """Pause it if it trains, because its page was closed."""
        if self._begun and (training := _training(self.runner.poll())):
            self.paused_after_close = training
            self.runner.send(Pause())

    def go_on_reopened(self) -> None:
        """Train on as before ``pause_closed``, if that has paused it."""
        if self.paused_after_close is not None:
            command, self.paused_after_close = self.paused_after_close, None
            self.send(command)

    @property
    def parked(self) -> bool:
        """Whether ``park`` has ended its process."""
        return self._parked is not None

    def park(self) -> bool:
        """End its process once it is saved, so that another run can have its memory; ``go_on`` begins one again.

        False, and it stays as it is, if it has no process or cannot be saved. A parked run reports that it has failed.
        """
        if not self._begun or self.parked:
            return False
        report = self.poll()
        training = _training(report)
        self.runner.send(Pause())
        if not (self.runner.save() or report.state == "failed") or self.saved_iteration is None:
            if training is not None:
                self.runner.send(training)
            return False
        self._again = training
        self._parked = replace(report, state="failed", failure=Failure(PARKED), settled=True, pausing=False, place=None)
        self.runner.close()
        return True

    def unpark(self) -> None:
        """Take back ``park``. CannotStart if the memory has gone to another run meanwhile: it stays parked."""
        self.go_on()
        if self._again is not None:
            self.send(self._again)

    def poll(self, wait: float = 0.8) -> Report:
        if self._parked is not None:
            return self._parked
        report = self.runner.poll(wait)
        self._pausing = self._pausing and report.state == "running"
        snapshot = report.snapshot
        if self.rebuilding and report.settled and snapshot is not None:
            self.config, self.rebuilding = snapshot.config, snapshot.rebuilding is not None
        if snapshot is not None and self.ghost is not None:
            snapshot = replace(snapshot, ghost=self.ghost)
        return replace(report, snapshot=snapshot, pausing=self._pausing)

    def generator_file(self) -> bytes:
        """Return the generator as safetensors: the present one or, after a failure, the last healthy one.

        FileNotFoundError if the run failed before it had one; RunEnded after ``close``. CannotStart if it has not trained, and
        the server has no memory to make it.
        """
        if self.ended:
            raise RunEnded("This run has ended, and its generator is gone.")
        self.runner.save()
        return (self.folder / GENERATOR_FILE).read_bytes()

    def whole_file(self) -> bytes:
        """Return the whole run as one zip: as it is or, after a failure, as it was last saved. RunEnded after ``close``."""
        if self.ended:
            raise RunEnded("This run has ended.")
        if self._begun:
            self.runner.save()
        state, own = self.folder / RUN_FILE, self.folder / OWN_FILE
        return pack_run(
            self.config,
            state.read_bytes() if state.exists() else None,
            own.read_bytes() if self.config.own_data and own.exists() else None,
        )

    @property
    def saved_iteration(self) -> int | None:
        """The iteration from which ``go_on`` would continue; None if nothing was saved that can be read."""
        with suppress(OSError, CheckpointError):
            return int(read_header(self.folder / RUN_FILE)["iteration"])
        return None

    def go_on(self) -> None:
        """Replace the process, after it has failed or was parked, by one that continues from the last save, paused.

        OSError or CheckpointError if that cannot be read, CannotStart if the server has no memory for it.
        """
        config = saved_config(self.folder)
        self.runner.close()
        self.runner = self._make_runner(self.id, config, self.folder)
        self.config, self._parked = config, None

    def close(self, keep: bool = True) -> None:
        """End the process once the run is saved; without ``keep``, or where nothing was trained, remove its folder."""
        self.ended = True
        if keep and self._begun:
            self.runner.save()
        self.runner.close()
        if not keep:
            (self.folder / RUN_FILE).unlink(missing_ok=True)
        self._store.release(self.folder)


def _training(report: Report) -> Play | Replay | None:
    """Return the command that has a run train on as it does now; None if it does not train."""
    if report.state != "running":
        return None
    snapshot = report.snapshot
    if snapshot is not None and snapshot.rebuilding is not None:
        return Replay(snapshot.rebuilding)
    return Play(None if snapshot is None else snapshot.until)
