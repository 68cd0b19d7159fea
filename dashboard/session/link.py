"""Settings ↔ the texts of a link: what the address, and a link that a learner sends, say of a config."""

import difflib
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from gan_core.config import GANConfig
from gan_core.data import DATASETS, with_recommended_settings
from gan_core.data.drawing import unpack
from gan_core.options import option_value
from gan_core.setting import Setting

# What messengers and social networks add to a link; it belongs to them.
TRACKING = re.compile(r"utm_\w+|\w*clid|mc_\w+|igshi?d?|si|ref\w*|embed\w*")
LISTS = ("sizes", "classes")  # settings whose text has commas
# What a sentence, a chat or a copied line of JSON leaves around a value, invisible characters included.
AROUND = " \t\r\n\u00a0\u200b\u200c\u200d\u2060\ufeff.,;:!?()[]{}<>\"'`*_“”„‘’«»…"


def texts_of(config: GANConfig, *others: GANConfig) -> dict[str, str]:
    """Return the settings in which ``config`` differs from what its dataset comes with, or from one of the others."""
    names = dict.fromkeys(name for other in (_base(config.dataset), *others) for name in config.differences(other))
    if config.dataset != GANConfig().dataset:
        names = {"dataset": None, **names}
    return {name: text_of(GANConfig.setting(name), config) for name in names}


def _base(dataset: str) -> GANConfig:
    """Return the settings that a link to this dataset alone stands for."""
    return with_recommended_settings(GANConfig(), dataset)


def text_of(setting: Setting, config: GANConfig) -> str:
    """Return one setting's value as the text that ``read`` takes."""
    value = getattr(config, setting.name)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(texts: Mapping[str, str], base: GANConfig) -> tuple[GANConfig, tuple[str, ...]]:
    """Return ``base`` with the settings in ``texts``, and a sentence for each text that no run can have.

    Names are those of ``config.json``. A dataset of another kind comes with the settings that suit it.
    """
    config, problems = base, []
    known = [setting.name for setting in GANConfig.settings()]
    texts = with_plain_names(texts, known)
    for setting in GANConfig.settings():  # the dataset comes first
        if setting.name in texts:
            try:
                config = replaced(config, setting, texts[setting.name])
                if setting.kind in LISTS and texts[setting.name].strip().endswith(","):
                    problems.append(_cut(setting, texts[setting.name], config))
            except ValueError:  # pydantic's ValidationError is one
                problems.append(_impossible(setting, texts[setting.name], config))
    for name in texts:
        if name not in known and not TRACKING.fullmatch(name):
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f" Did you mean {near[0]} ({GANConfig.setting(near[0]).label})?" if near else ""
            problems.append(f"{shortened(name)} in the link is no setting and is ignored.{hint}")
    return config, tuple(problems)


def with_plain_names(texts: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Return the texts under the names that are ``known``, where a messenger has left something around one."""
    plain = {name: name.removeprefix("amp;").strip(AROUND) for name in texts}  # "&amp;" for "&"
    return {plain[name] if plain[name] in known else name: text for name, text in texts.items()}


def replaced(config: GANConfig, setting: Setting, text: str) -> GANConfig:
    """Return ``config`` with one setting as the text has it, or as it has it inside quotes, brackets or a sentence."""
    for candidate in dict.fromkeys((text, text.strip(AROUND))):
        with suppress(ValueError):
            value = _value_of(setting, candidate, config.dataset)
            if setting.name == "dataset":
                return with_recommended_settings(config, value)
            return config.replace(**{setting.name: value})
    raise ValueError("no run can have it")


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


def _cut(setting: Setting, text: str, config: GANConfig) -> str:
    stands = text_of(setting, config).replace(",", ", ")
    return (
        f"{setting.label} = {shortened(text.strip())} in the link ends in a comma, as a link does that was cut. The page uses"
        f" {stands}."
    )


def _impossible(setting: Setting, text: str, config: GANConfig) -> str:
    """Return the sentences about a text that is no value of a setting; ``config`` has the value that stands instead."""
    stands = text_of(setting, config)
    stands = _names(setting).get(stands, stands).replace(",", ", ") or ("all" if setting.kind == "classes" else "none")
    near = difflib.get_close_matches(text.lower(), _names(setting), n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return (
        f"{setting.label} = {shortened(text) or 'nothing'} in the link is not possible; it should be"
        f" {expected(setting, config.dataset)}. Instead, the page uses {stands}.{hint}"
    )


def expected(setting: Setting, dataset: str) -> str:
    """Return the texts that ``replaced`` takes, as the end of a sentence."""
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


def shortened(text: str) -> str:
    """Return a text of a link in at most 40 characters."""
    return text if len(text) <= 40 else text[:39] + "…"
