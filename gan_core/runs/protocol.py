"""What a page and a run say to each other.

Commands go in and are carried out between two iterations; a poll is answered with a Report. Everything here is
data: it crosses a process border by pickle.
"""

import traceback
from dataclasses import dataclass
from typing import Literal, Protocol

from gan_core.config import GANConfig, Network
from gan_core.diagnostics.views import Switches
from gan_core.snapshot import Snapshot

State = Literal["starting", "paused", "running", "failed"]


@dataclass(frozen=True)
class Play:
    """Train until told otherwise."""


@dataclass(frozen=True)
class Pause:
    """Train nothing more."""


@dataclass(frozen=True)
class Step:
    """Exactly ``count`` iterations, then stay paused."""

    count: int = 1


@dataclass(frozen=True)
class Update:
    """One update of one network alone; the iteration count stays."""

    network: Network


@dataclass(frozen=True)
class Reconfigure:
    """Take over the fields that may change while training."""

    config: GANConfig


@dataclass(frozen=True)
class Sample:
    """Draw the shown fakes from other noise."""

    seed: int


@dataclass(frozen=True)
class Walk:
    """Execute the iteration's next stage, or the rest of its turn; then stay paused. ``Step`` ends the iteration."""

    to: Literal["stage", "turn"] = "stage"


@dataclass(frozen=True)
class Try:
    """One iteration under other rules, on a copy of the run; None forgets the last result."""

    switches: Switches | None


@dataclass(frozen=True)
class Save:
    """Write both networks into the run's folder now."""


Command = Play | Pause | Step | Update | Reconfigure | Sample | Walk | Try | Save


@dataclass(frozen=True)
class Failure:
    """Why a run ended: a sentence for everybody, a traceback for those who want it."""

    message: str
    details: str = ""

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """An exception as data."""
        return cls(_sentence(error), "".join(traceback.format_exception(error)))


def _sentence(error: BaseException) -> str:
    name, text = type(error).__name__, str(error)
    if name == "OutOfMemoryError" or isinstance(error, MemoryError) or "can't allocate memory" in text:
        return "The machine ran out of memory. Smaller hidden sizes or a smaller batch_size need less."
    if isinstance(error, ValueError):  # ours, and written for people
        return text
    return f"Training stopped on an error: {name}: {text.splitlines()[0] if text else 'no message'}"


@dataclass(frozen=True)
class Report:
    """The answer to a poll.

    ``snapshot`` is None until the run has started and, on the way from a worker, if nothing has changed since
    the revision that was asked about. ``settled`` is False while the run has not answered since the last command:
    what is shown may be about to change.
    """

    state: State
    snapshot: Snapshot | None = None
    failure: Failure | None = None
    settled: bool = True


class Runner(Protocol):
    """Where a run's worker loop lives."""

    def send(self, command: Command) -> None:
        """Have ``command`` carried out after the ones before it. A run that has failed ignores it."""

    def poll(self, wait: float = 0.3) -> Report:
        """The newest state known after at most ``wait`` seconds; never raises for what happens in the run."""

    def save(self, wait: float = 10.0) -> bool:
        """Write the networks to the run's folder; False if the run can no longer do it."""

    def close(self) -> None:
        """End the run and free what it holds. Closing twice is fine."""
