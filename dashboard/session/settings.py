"""The widgets' values ↔ GANConfig."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dashboard.session.sizes import parse_sizes, show_sizes
from dashboard.session.state import set_value, value
from gan_core.config import GANConfig, Setting, explain
from gan_core.data import DATASETS


@dataclass(frozen=True)
class Settings:
    """The widgets' values as a config, or the sentences that say why they make none."""

    config: GANConfig | None
    problems: tuple[str, ...] = ()


def widget_values() -> dict[str, Any]:
    """Return the value of each setting's widget, by the setting's name."""
    return {setting.name: value(setting.name, setting.default) for setting in GANConfig.settings()}


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Build the config from the widgets' values; hidden sizes are texts there."""
    fields: dict[str, Any] = {}
    problems: list[str] = []
    for setting in GANConfig.settings():
        current = values[setting.name]
        if setting.kind == "sizes" and isinstance(current, str):
            try:
                current = parse_sizes(current)
            except ValueError:
                problems.append(f"{setting.name} = {current!r} is not possible; it should be {setting.expected()}.")
                continue
        if setting.kind == "classes" and not DATASETS[values["dataset"]].classes:
            continue
        fields[setting.name] = setting.default if current is None and setting.kind == "choice" else current
    try:
        config = GANConfig(**fields)
    except ValidationError as error:
        return Settings(None, (*problems, *explain(error)))
    return Settings(None, tuple(problems)) if problems else Settings(config)


def show_setting(setting: Setting, config: GANConfig) -> None:
    """Move the widget of ``setting`` to what ``config`` has."""
    new = getattr(config, setting.name)
    set_value(setting.name, show_sizes(new) if setting.kind == "sizes" else new)


def edit_sizes(field: str, image_key: str) -> None:
    """Take over hidden sizes that the learner changed in the network's image: move the text field that holds them."""
    sizes = value(image_key).sizes
    if sizes:
        set_value(field, show_sizes(sizes))


def edit_drawing(canvas_key: str) -> None:
    """Take over what the learner has painted, erased or cleared on the canvas."""
    set_value("drawing", value(canvas_key).drawing["cells"])
