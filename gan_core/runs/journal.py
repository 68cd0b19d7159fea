"""What has happened to a run beside its iterations, and where it comes from."""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from gan_core.changes import UPDATE
from gan_core.config import GANConfig, Network
from gan_core.plurals import counted
from gan_core.runs.record import RunRecord
from gan_core.snapshot import Change, Mark, SingleUpdate

MAX_EVENTS = 200  # marks, and as many single updates, that are kept


class Journal:
    """``initial``: the settings that a run began with; all changes since, for a repetition, and the last ones, for its charts.

    ``fork`` and ``generator_from`` as in ``Snapshot``.
    """

    def __init__(self, initial: GANConfig) -> None:
        self.generator_from: int | None = None
        self._initial = initial
        self._changes: list[Change] = []
        self._repeatable = True
        self._marks: deque[Mark] = deque(maxlen=MAX_EVENTS)
        self._singles: deque[SingleUpdate] = deque(maxlen=MAX_EVENTS)
        self._fork = 0

    def begin_with_generator(self, iterations: int) -> None:
        """Note that the run begins with a generator that has trained so many iterations."""
        self.generator_from = iterations
        self._marks.append(Mark(0, f"generator from a file: {counted(iterations, 'iteration')}"))

    def note_settings(
        self, iteration: int, config: GANConfig, changed: Iterable[str], *, trained: bool, walking: bool
    ) -> None:
        """Note that these fields were ``changed`` to those of ``config``; before anything is ``trained`` they are initial.

        ``walking``: in the middle of an iteration, which no repetition can do.
        """
        names = list(changed)
        self._repeatable = self._repeatable and not (names and walking)
        if not trained:
            self._initial = config
        elif names:
            self._changes.append(Change(iteration, {name: getattr(config, name) for name in names}))
            self._marks.extend(Mark(iteration, _describe_change(config, name)) for name in names)

    def note_update(self, iteration: int, network: Network, loss: float) -> None:
        """Note an update of one network alone."""
        self._singles.append(SingleUpdate(iteration, network, loss))
        self._changes.append(Change(iteration, {UPDATE: network}))

    def record(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it: its fields of a ``RunRecord``."""
        return {
            "initial": json.loads(self._initial.to_json()),
            "changes": [asdict(change) for change in self._changes],
            "marks": [asdict(mark) for mark in self._marks],
            "singles": [asdict(single) for single in self._singles],
            "fork": self._fork,
            "repeatable": self._repeatable,
            "generator_from": self.generator_from,
        }

    def resume(self, run: RunRecord) -> None:
        """Take over what ``record`` has returned."""
        self._initial, self._changes = run.initial, list(run.changes)
        self._marks.extend(run.marks)
        self._singles.extend(run.singles)
        self._fork, self.generator_from, self._repeatable = run.fork, run.generator_from, run.repeatable

    def shown(self) -> dict[str, Any]:
        """Return its fields of a snapshot."""
        return {
            "initial": self._initial,
            "changes": tuple(self._changes),
            "repeatable": self._repeatable,
            "marks": tuple(self._marks),
            "singles": tuple(self._singles),
            "fork": self._fork,
            "generator_from": self.generator_from,
        }


def _describe_change(config: GANConfig, name: str) -> str:
    setting, value = GANConfig.setting(name), getattr(config, name)
    if setting.data:
        return f"{setting.label} changed"
    return f"{setting.label}: {setting.names.get(value, value)}"
