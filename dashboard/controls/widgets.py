"""One field of GANConfig → one widget, with the field's name as its key."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.session.settings import show_sizes, shown_settings
from dashboard.session.state import current_run, tab, value
from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.setting import Setting


def field(
    name: str, label: str | None = None, on_change: Callable[[], None] | None = None, hidden: bool = False
) -> None:
    """Draw the widget of one field; ``hidden``: without its label, which then stands beside it.

    It is disabled, and keeps its value, where neither the settings nor the run use it. Its value is read by
    ``dashboard.session.settings``. A setting that a teacher's link hides has none.
    """
    if name in tab().lesson.hidden:
        return
    setting = GANConfig.setting(name)
    used = _is_used(setting)
    applies = "Changes at once." if setting.live else "Applies from Reset on."
    shared: dict[str, Any] = {
        "label": label or setting.label,
        "key": name,
        "help": f"{setting.help} {applies if used else 'It has no effect now.'}",
        "disabled": not used,
        "on_change": on_change or "rerun",
        "label_visibility": "collapsed" if hidden else "visible",
        "persist_state": "session",  # the value outlives script runs that do not draw the widget
    }
    draw = {
        "whole": _number, "number": _number, "switch": _switch, "choice": _choice, "sizes": _sizes,
        "classes": _classes, "text": _text,
    }  # fmt: skip
    draw[setting.kind](setting, shared)


def _is_used(setting: Setting) -> bool:
    """Return whether the settings use this one, or the run does, whose own may differ until Reset."""
    if setting.condition is None:
        return True
    run, (config, _) = current_run(), shown_settings()
    return setting.is_used(config) or (run is not None and setting.is_used(run.config))


def _number(setting: Setting, shared: dict[str, Any]) -> None:
    """Draw a slider for a range of few values, else a field to type into."""
    kind, usual_step, few = (int, 1, 10) if setting.kind == "whole" else (float, 0.01, 1)
    low, high, step = kind(setting.minimum or 0), kind(setting.maximum or 0), kind(setting.step or usual_step)
    shared |= {"min_value": low, "max_value": high, "value": setting.default, "step": step}
    shared["format"] = "%d" if kind is int else "%.6g"  # two decimals would show 0.9999 as 1.00, and 1e-7 as 0
    if high <= few and step >= 0.01:
        st.slider(**shared)
    else:
        st.number_input(**shared)


def _switch(setting: Setting, shared: dict[str, Any]) -> None:
    st.toggle(**shared, value=setting.default)


def _choice(setting: Setting, shared: dict[str, Any]) -> None:
    name_of = setting.names.__getitem__
    if len(setting.choices) <= 3:
        st.segmented_control(
            **shared, options=setting.choices, default=setting.default, format_func=name_of, required=True,
            width="stretch",
        )  # fmt: skip
    else:
        st.selectbox(
            **shared, options=setting.choices, index=setting.choices.index(setting.default), format_func=name_of
        )


def _sizes(setting: Setting, shared: dict[str, Any]) -> None:
    st.text_input(**shared, value=show_sizes(setting.default), max_chars=60)


def _classes(setting: Setting, shared: dict[str, Any]) -> None:
    """Draw pills with the class names of the chosen dataset."""
    names = DATASETS[value("dataset", GANConfig().dataset)].classes
    st.pills(**shared, options=range(len(names)), selection_mode="multi", format_func=names.__getitem__)


def _text(setting: Setting, shared: dict[str, Any]) -> None:
    """Draw a list of names that GANConfig cannot hold: the datasets, or the devices."""
    names = {name: source.title for name, source in DATASETS.items()} if setting.name == "dataset" else setting.names
    options = list(names)
    st.selectbox(**shared, options=options, index=options.index(setting.default), format_func=names.__getitem__)


def escaped(text: str) -> str:
    """Escape markdown: file names come from strangers."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-.!|<>~:$" else character for character in text)
