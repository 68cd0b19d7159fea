"""What a learner changes while a run trains, as data: with the settings at its start, it is all that repeats the run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from gan_core.config import GANConfig, Network, explain
from gan_core.texts import decode_text

CHANGES_FILE = "changes.json"


@dataclass(frozen=True)
class Change:
    """A change after ``iteration`` whole iterations, in force from the next update on.

    ``values``: the new values of settings that may change live. ``update``: instead, one update of this network alone.
    """

    iteration: int
    values: Mapping[str, Any] = field(default_factory=dict)
    update: Network | None = None


def settings_over_time(config: GANConfig, changes: Sequence[Change]) -> Iterator[tuple[Change, GANConfig]]:
    """Yield each change with the settings after it; ``config`` are those at the start."""
    for change in changes:
        config = config.replace(**change.values)
        yield change, config


def changes_json(changes: Sequence[Change]) -> str:
    """Return the changes as JSON; ``read_changes`` restores equal ones."""
    entries: list[dict[str, Any]] = []
    for change in changes:
        what = {"update": change.update} if change.update else {"values": {**change.values}}
        entries.append({"iteration": change.iteration, **what})
    return json.dumps(entries, indent=2) + "\n"


def read_changes(text: str | bytes, config: GANConfig) -> tuple[Change, ...]:
    """Return the changes of ``changes_json``'s text to a run that started with ``config``; ValueError says what is wrong."""
    try:
        entries = json.loads(decode_text(text) if isinstance(text, bytes) else text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The changes cannot be read: {error}.") from error
    if not isinstance(entries, list):
        raise ValueError("The changes should be a list.")
    changes: list[Change] = []
    for number, entry in enumerate(entries, 1):
        try:
            change = _change(entry, changes[-1].iteration if changes else 0)
            config = config.replace(**change.values)
        except ValidationError as error:
            raise ValueError(f"Change {number}: {explain(error)[0]}") from error
        except ValueError as error:
            raise ValueError(f"Change {number}: {error}") from error
        given = {name: getattr(config, name) for name in change.values}  # a list has become a tuple
        changes.append(Change(change.iteration, given, change.update))
    return tuple(changes)


def _change(entry: Any, earliest: int) -> Change:
    if not isinstance(entry, dict) or not {"iteration"} < set(entry) <= {"iteration", "values", "update"}:
        raise ValueError('it should hold an "iteration", and either "values" or "update".')
    iteration, values, update = entry["iteration"], entry.get("values", {}), entry.get("update")
    if type(iteration) is not int or iteration < earliest:
        raise ValueError(f"its iteration should be a whole number from {earliest:,}, that of the change before it.")
    if not isinstance(values, dict) or (values and update) or update not in (None, "D", "G"):
        raise ValueError('"values" should be settings by name, or "update" one of "D" and "G".')
    for name in values:
        if name in GANConfig.model_fields and not GANConfig.setting(name).live:
            raise ValueError(f"{GANConfig.setting(name).label} cannot change while training.")
    return Change(iteration, values, update)
