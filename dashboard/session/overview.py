"""The runs of this server as its teacher sees them."""

import os
import time
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

from dashboard.session import server
from gan_core.runs.budget import server_budget
from gan_core.runs.protocol import Pause
from gan_core.runs.run import Run
from gan_core.runs.turns import shared_turns
from gan_core.training.threads import available_cores

SAMPLES = 150  # that are kept: five minutes of them at one every two seconds


@dataclass(frozen=True)
class Load:
    """What this server does ``at`` a moment, in time.monotonic()'s seconds.

    ``training``: runs that were started, of which ``waiting`` wait for their turn. ``memory``: bytes set aside for runs.
    ``processor``: processes that want a core, for each core, over the last minute; None where the system does not say.
    """

    at: float
    runs: int
    training: int
    waiting: int
    memory: int
    processor: float | None


def load(rows: list[dict[str, Any]]) -> Load:
    """Look at the server now; ``rows`` of the same moment."""
    processor = os.getloadavg()[0] / available_cores() if hasattr(os, "getloadavg") else None
    training = sum(row["State"] == "running" for row in rows)
    waiting = shared_turns().standing[1]
    return Load(time.monotonic(), len(rows), training, waiting, server_budget().held, processor)


@cache
def history() -> deque[Load]:
    """Return the last samples, one list for all teachers' pages."""
    return deque(maxlen=SAMPLES)


def rows() -> list[dict[str, Any]]:
    """Return one row for each run: what the table of the teacher's page shows."""
    return [_row(run) for run in server.registry().all()]


def _row(run: Run) -> dict[str, Any]:
    report = run.poll(0)
    snapshot, place = report.snapshot, report.place
    waits = f"{place.ahead} ahead, about {place.seconds:.0f} s" if place is not None and place.ahead else ""
    return {
        "Run": run.id,
        "Page": "open" if run.closed_at is None else "closed",
        "State": report.state,
        "Dataset": run.config.dataset,
        "Iteration": 0 if snapshot is None else snapshot.iteration,
        "Iterations per second": 0.0 if snapshot is None else round(snapshot.iterations_per_second, 1),
        "Waits for its turn": waits,
    }


def pause(run_id: str) -> None:
    """Pause a run, if it is there still."""
    run = server.registry().get(run_id)
    if run is not None:
        run.send(Pause())


def end(run_id: str) -> None:
    """Save a run and end its process; its page says so."""
    server.registry().end(run_id, put_away=True)
