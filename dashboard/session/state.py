"""The one file that touches Streamlit's session state: the widgets' values, and this browser's tab."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from dashboard.session import server
from dashboard.session.tab import Tab
from gan_core.runs.registry import Run

TAB = "tab"
STALE = 5.0  # seconds in which a browser surely draws what it was sent

P = ParamSpec("P")
R = TypeVar("R")


def value(key: str, default: Any = None) -> Any:
    """Return the value of the widget with this key."""
    return st.session_state.get(key, default)


def set_value(key: str, new: Any) -> None:
    """Move a widget; only from a callback, or before the widget is drawn."""
    st.session_state[key] = new


def move(key: str, new: Any) -> None:
    """Move a widget as ``set_value`` does, and keep it there if the next click comes from a page that still shows the old value.

    A browser sends the values of all widgets with each click: one on Start, just after a preset, would bring the old
    settings back.
    """
    here, old = tab(), value(key)
    if old is not None and old != new:
        here.moved[key] = (here.moved[key][0] if key in here.moved else old, new)
        here.moved_until = time.monotonic() + STALE
    set_value(key, new)


def restore_moved() -> None:
    """Move the widgets again, if a browser has sent back what stood in all of them before."""
    here = tab()
    if time.monotonic() > here.moved_until:
        here.moved.clear()
    if here.moved and all(value(key) == old for key, (old, _) in here.moved.items()):
        for key, (_, new) in here.moved.items():
            set_value(key, new)


def tab() -> Tab:
    """Return this browser tab's own state."""
    if TAB not in st.session_state:
        st.session_state[TAB] = Tab()
    held: Tab = st.session_state[TAB]
    _release_on_disconnect(held)
    return held


def current_run() -> Run | None:
    """Return this tab's run, if it has not ended."""
    return server.registry().get(tab().run_id)


def serialized(action: Callable[P, R]) -> Callable[P, R]:
    """Make actions of one tab run one after the other.

    Streamlit starts a second script for a click that comes while the first one's callback still works: without this,
    Start, clicked while Reset was building the new run, went to the old one.
    """

    @wraps(action)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        with tab().lock:
            restore_moved()
            return action(*args, **kwargs)

    return guarded


def stop_waiting(tab: Tab) -> None:
    """Wait no more for a dataset; its job is cancelled if nobody else waits for it."""
    if tab.waiting_for is not None:
        server.download_jobs().leave(tab.waiting_for, tab.name)
        tab.waiting_for = tab.job = None


def _disconnected(tab: Tab) -> None:
    """Take note that the browser has closed, reloaded or lost the page. A page that reconnects has the same Tab."""
    stop_waiting(tab)
    tab.close()
    run = server.registry().get(tab.run_id)
    if run is not None:
        run.page_closed()


@st.cache_resource(scope="session", on_release=_disconnected, show_spinner=False)
def _release_on_disconnect(_tab: Tab) -> Tab:
    """Hold the tab where Streamlit reports a disconnected session; the argument's name keeps it out of the cache's key."""
    return _tab
