"""The page's address: it names the run, and holds the settings."""

from contextlib import suppress

import streamlit as st
from pydantic import ValidationError

from dashboard.session import server
from dashboard.session.datasets import choose_dataset
from dashboard.session.settings import show_setting
from dashboard.session.state import set_value, tab, value
from gan_core.config import GANConfig
from gan_core.options import option_value

RUN = "run"  # the run's id, with which a reload finds it again


def arrive() -> None:
    """Take over postponed values and, once for each tab, the address; runs before any widget is drawn.

    The address names the run, but a link may be sent to somebody else: a run is adopted only once its page was closed, as
    it is by a reload. The other person begins a run of their own with the same settings.
    """
    here = tab()
    postponed, here.postponed = here.postponed, {}
    for key, new in postponed.items():
        set_value(key, new)
    if "dataset" in postponed:
        choose_dataset()
    if here.arrived:
        return
    here.arrived = True
    run = server.registry().get(st.query_params.get(RUN, ""))
    adopted = run if run is not None and run.closed_at is not None else None
    if adopted is not None:
        here.run_id = adopted.id
    for setting in GANConfig.settings():
        if setting.name in st.query_params:
            with suppress(ValidationError):  # Streamlit removes what no run can have
                text = st.query_params[setting.name]
                show_setting(setting, GANConfig(**{setting.name: option_value(setting, text)}))
        elif adopted is not None:
            show_setting(setting, adopted.config)


def share_link() -> str:
    return ""


def remember_in_address() -> None:
    """Name the run in the address, so that a reload comes back to it, and the settings that have no widget."""
    data = {setting.name: value(setting.name) for setting in GANConfig.settings() if setting.data}
    held = {RUN: tab().run_id, **data}
    for name, text in held.items():
        if text and st.query_params.get(name) != text:
            st.query_params[name] = text
        elif not text and name in st.query_params:
            del st.query_params[name]
