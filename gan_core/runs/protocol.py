"""Messages between a page and a run.

Commands are carried out between two iterations; a poll is answered with a Report. Everything here is data that pickle
can send to another process.
"""

import traceback
from dataclasses import dataclass
from typing import Literal, Protocol

from gan_core.config import GANConfig, Network
from gan_core.diagnostics.views import Switches
from gan_core.runs.speed import Speed as Speed
from gan_core.runs.stop import Stop as Stop
from gan_core.snapshot import Recipe, Snapshot

State = Literal["starting", "paused", "running", "failed"]


@dataclass(frozen=True)
class Play:
    """Train until another command, or pause where ``until`` says."""

    until: Stop | None = None


@dataclass(frozen=True)
class Replay:
    """Repeat another run, at full speed: train to the recipe's last iteration with its changes on the way, then pause.

    The next command that trains, pauses or changes settings ends this.
    """

    recipe: Recipe


@dataclass(frozen=True)
class Pause:
    """Pause training."""


@dataclass(frozen=True)
class Step:
    """Train exactly ``count`` iterations, then stay paused."""

    count: int = 1


@dataclass(frozen=True)
class Update:
    """Update one network alone; the iteration count stays."""

    network: Network


@dataclass(frozen=True)
class Reconfigure:
    """Apply the fields that may change while training."""

    config: GANConfig


@dataclass(frozen=True)
class Sample:
    """Generate the shown fakes from the noise of this seed."""

    seed: int


@dataclass(frozen=True)
class Walk:
    """Execute the iteration's next stage, or the rest of its turn, then stay paused. ``Step`` ends the iteration."""

    to: Literal["stage", "turn"] = "stage"


@dataclass(frozen=True)
class Try:
    """Run one iteration with changed rules on a copy of the run; None removes the last result."""

    switches: Switches | None


@dataclass(frozen=True)
class Save:
    """Write both networks to the run's folder now."""


Command = Play | Replay | Pause | Speed | Step | Update | Reconfigure | Sample | Walk | Try | Save

TRAINING = (Play, Replay, Step, Update, Walk)  # commands after which there is something to lose


@dataclass(frozen=True)
class Failure:
    """Why a run failed: a sentence for the page, and the traceback.

    ``refusal``: the settings or the data are to blame, so that the same would fail again.
    """

    message: str
    details: str = ""
    refusal: bool = False

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """Return an exception as data."""
        return cls(_sentence(error), "".join(traceback.format_exception(error)), isinstance(error, ValueError))


def _sentence(error: BaseException) -> str:
    name, text = type(error).__name__, str(error)
    if name == "OutOfMemoryError" or isinstance(error, MemoryError) or "can't allocate memory" in text:
        return "There was no memory left for this run. Smaller hidden sizes or a smaller batch size need less."
    if isinstance(error, ValueError):  # this program's own errors are written for the page
        return text
    return f"Training stopped on an error: {name}: {text.splitlines()[0] if text else 'no message'}"


@dataclass(frozen=True)
class Place:
    """Where a run stands that trains in turns with others.

    ``ahead``: how many runs train before it does again, 0 while it trains. ``runs``: how many share ``at_once`` places.
    ``seconds``: how long it still waits, about.
    """

    ahead: int
    runs: int
    at_once: int
    seconds: float


@dataclass(frozen=True)
class Report:
    """The answer to a poll.

    ``snapshot`` is None until the run has started and, in a worker's answer, if nothing has changed since the
    requested revision. ``settled`` is False until the run has answered the last command: the state may change.
    ``warning``: sentences about what is wrong while the run goes on, such as a full disk. ``pausing``: a Pause was sent, and
    the iteration before it has not ended yet. ``place``: None unless more runs train than do well at once.
    """

    state: State
    snapshot: Snapshot | None = None
    failure: Failure | None = None
    settled: bool = True
    warning: str = ""
    pausing: bool = False
    place: Place | None = None


class Runner(Protocol):
    """Access to a run's worker, wherever its loop runs."""

    def send(self, command: Command) -> None:
        """Have ``command`` carried out after earlier ones. A failed run ignores it."""

    def poll(self, wait: float = 0.3) -> Report:
        """Return the newest state known after at most ``wait`` seconds. Never raises the run's errors."""

    def save(self, wait: float = 10.0) -> bool:
        """Write the networks to the run's folder; False if the run has failed, the disk or ``wait`` seconds did not allow it."""

    def close(self) -> None:
        """End the run and free its resources. Closing twice is allowed."""
