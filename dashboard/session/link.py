"""Settings ↔ the texts of a link: what the address, and a link that a learner sends, say of a config."""

import difflib
from collections.abc import Mapping
from typing import Any

from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.drawing import unpack
from gan_core.options import option_value
from gan_core.setting import Setting


def texts_of(config: GANConfig, *others: GANConfig) -> dict[str, str]:
    """Return the settings in which ``config`` differs from the defaults, or from one of the others, as texts by name."""
    names = dict.fromkeys(name for other in (GANConfig(), *others) for name in config.differences(other))
    return {name: text_of(GANConfig.setting(name), config) for name in names}


def text_of(setting: Setting, config: GANConfig) -> str:
    """Return one setting's value as the text that ``read`` takes."""
    value = getattr(config, setting.name)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(texts: Mapping[str, str], base: GANConfig) -> tuple[GANConfig, tuple[str, ...]]:
    """Return ``base`` with the settings in ``texts``, and a sentence for each text that no run can have.

    Names that resemble no setting's belong to somebody else, and are ignored.
    """
    config, problems = base, []
    for setting in GANConfig.settings():  # the dataset comes before its classes
        if setting.name in texts:
            try:
                config = config.replace(**{setting.name: _value_of(setting, texts[setting.name], config.dataset)})
            except ValueError:  # pydantic's ValidationError is one
                problems.append(_impossible(setting, texts[setting.name], config))
    known = [setting.name for setting in GANConfig.settings()]
    for name in texts:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        if near and name not in known:
            label = GANConfig.setting(near[0]).label
            problems.append(
                f"{_shortened(name)} in the link is no setting and is ignored. Did you mean {near[0]} ({label})?"
            )
    return config, tuple(problems)


def _value_of(setting: Setting, text: str, dataset: str) -> Any:
    """Return the value of a text: what the command line takes, or a name as the page shows it. ValueError if it has none."""
    names = _names(setting)
    by_title = {title: name for name, title in names.items()}
    value = option_value(setting, by_title.get(text, text))
    if names and value not in names:
        raise ValueError("the widget offers no such name")
    if setting.kind == "classes" and any(number not in range(len(DATASETS[dataset].classes)) for number in value):
        raise ValueError("the dataset has no such class")
    if setting.name == "drawing" and value:
        unpack(value)
    return value


def _names(setting: Setting) -> Mapping[str, str]:
    """Return the names that the setting's widget offers, with their titles; empty for other kinds of settings."""
    return {name: source.title for name, source in DATASETS.items()} if setting.name == "dataset" else setting.names


def _impossible(setting: Setting, text: str, config: GANConfig) -> str:
    """Return the sentences about a text that is no value of a setting; ``config`` has the value that stands instead."""
    stands = text_of(setting, config)
    stands = _names(setting).get(stands, stands).replace(",", ", ") or ("all" if setting.kind == "classes" else "none")
    return (
        f"{setting.label} = {_shortened(text) or 'nothing'} in the link is not possible; it should be"
        f" {_expected(setting, config.dataset)}. Instead, the page uses {stands}."
    )


def _expected(setting: Setting, dataset: str) -> str:
    if names := _names(setting):
        return f"one of {', '.join(names)}"
    if setting.kind == "classes":
        last = len(DATASETS[dataset].classes) - 1
        return (
            f"whole numbers, each from 0 to {last}, such as 3,8"
            if last > 0
            else "left out: this dataset has no classes"
        )
    return setting.expected()


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
