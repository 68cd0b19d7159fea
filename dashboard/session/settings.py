"""The widgets' values ↔ GANConfig."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dashboard.session.state import current_run, move, serialized, set_value, value
from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.setting import Setting


@dataclass(frozen=True)
class Settings:
    """The widgets' values as a config, or the sentences that say why they make none."""

    config: GANConfig | None
    problems: tuple[str, ...] = ()


def settings_from_widgets() -> Settings:
    """Build the config from the widgets' values."""
    config, impossible = shown_settings()
    problems = tuple(GANConfig.setting(name).refusal(value(name)) for name in impossible)
    return Settings(None, problems) if problems else Settings(config)


def shown_settings() -> tuple[GANConfig, tuple[str, ...]]:
    """Return the widgets' values, with the run's or the default for each that no run can have, and the names of those.

    Hidden sizes are texts in their widgets.
    """
    fields: dict[str, Any] = {}
    for setting in GANConfig.settings():
        current = value(setting.name, setting.default)
        if setting.kind == "sizes" and isinstance(current, str):
            with suppress(ValueError):  # GANConfig refuses a text
                current = parse_sizes(current)
        fields[setting.name] = setting.default if current is None and setting.kind == "choice" else current
    if not DATASETS[fields["dataset"]].classes:
        fields["classes"] = ()
    try:
        return GANConfig(**fields), ()
    except ValidationError as error:
        impossible = dict.fromkeys(str(problem["loc"][0]) for problem in error.errors())
        run = current_run()
        base = GANConfig() if run is None else run.config
        return base.replace(**{name: fields[name] for name in fields if name not in impossible}), tuple(impossible)


def parse_sizes(text: str) -> tuple[int, ...]:
    """Read "256, 512" as (256, 512). ValueError if a size is no whole number; GANConfig checks the ranges."""
    return tuple(int(part) for part in text.replace(";", ",").split(","))


def show_sizes(sizes: Iterable[int]) -> str:
    """Write (256, 512) as "256, 512"."""
    return ", ".join(map(str, sizes))


def show_setting(setting: Setting, config: GANConfig) -> None:
    """Move the widget of ``setting`` to what ``config`` has."""
    new = getattr(config, setting.name)
    move(setting.name, show_sizes(new) if setting.kind == "sizes" else new)


@serialized
def edit_sizes(field: str, image_key: str) -> None:
    """Take over hidden sizes that the learner changed in the network's image: move the text field that holds them."""
    sizes = value(image_key).sizes
    if sizes:
        move(field, show_sizes(sizes))


@serialized
def edit_drawing(canvas_key: str) -> None:
    """Take over what the learner has painted, erased or cleared on the canvas."""
    set_value("drawing", value(canvas_key).drawing["cells"])
