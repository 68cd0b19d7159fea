"""A run's changes as data: with the settings at its start, all that repeats it. Loads no PyTorch."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from gan_core.config import GANConfig, explain
from gan_core.snapshot import Change
from gan_core.texts import decode_text

CHANGES_FILE = "changes.json"
UPDATE = "update"  # the name in ``Change.values`` that stands for an update of one network, which changes no setting


def settings_over_time(config: GANConfig, changes: Sequence[Change]) -> Iterator[tuple[Change, GANConfig]]:
    """Yield each change with the settings after it; ``config`` are those at the start."""
    for change in changes:
        config = config if UPDATE in change.values else config.replace(**change.values)
        yield change, config


def changes_json(changes: Sequence[Change]) -> str:
    """Return the changes as JSON; ``read_changes`` restores equal ones."""
    return json.dumps([asdict(change) for change in changes], indent=2) + "\n"


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
            ((_, config),) = settings_over_time(config, [change])
        except ValidationError as error:
            raise ValueError(f"Change {number}: {explain(error)[0]}") from error
        except ValueError as error:
            raise ValueError(f"Change {number}: {error}") from error
        changes.append(change)
    return tuple(changes)


def _change(entry: Any, earliest: int) -> Change:
    if not isinstance(entry, dict) or set(entry) != {"iteration", "values"}:
        raise ValueError('it should hold an "iteration" and "values".')
    iteration, values = entry["iteration"], entry["values"]
    if type(iteration) is not int or iteration < earliest:
        raise ValueError(f"its iteration should be a whole number from {earliest:,}, that of the change before it.")
    if not isinstance(values, dict) or (UPDATE in values and values not in ({UPDATE: "D"}, {UPDATE: "G"})):
        raise ValueError('its values should be settings by name, or "update" as "D" or "G".')
    for name in values:
        if name in GANConfig.model_fields and not GANConfig.setting(name).live:
            raise ValueError(f"{GANConfig.setting(name).label} cannot change while training.")
    return Change(iteration, values)
