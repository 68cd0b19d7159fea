"""The one file that touches Streamlit's session state: the widgets' values, and this browser's tab."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.live.uploads import forget
from dashboard.session import server
from dashboard.session.tab import Moved, Tab
from gan_core.runs.run import Run

TAB = "tab"
ECHO = 1.0  # seconds after a whole script run in which a browser surely draws what it was sent

P = ParamSpec("P")
R = TypeVar("R")


def value(key: str, default: Any = None) -> Any:
    """Return the value of the widget with this key."""
    return st.session_state.get(key, default)


def set_value(key: str, new: Any) -> None:
    """Move a widget; only from a callback, or before the widget is drawn."""
    st.session_state[key] = new


def move(key: str, new: Any) -> None:
    """Move a widget as ``set_value`` does, and keep it there when a page that still has the old value sends that.

    A browser sends the values of all widgets with each click. A click on Start just after a preset would bring the old
    settings back, and so would, at any later time, widgets in a closed popover: they draw nothing new until it opens.
    """
    here, old = tab(), value(key)
    if old is not None and old != new:
        first = here.moved[key].old if key in here.moved else old
        here.moved[key] = Moved(first, new, here.script_runs)
        here.moved_until = math.inf
    set_value(key, new)


def restore_moved() -> None:
    """Move widgets again that a browser has sent back: one in a closed popover, or all the others at once."""
    here = tab()
    in_view: dict[str, Moved] = {}
    for key, moved in list(here.moved.items()):
        popover = here.popovers.get(key)
        if popover is None:
            in_view[key] = moved
        elif value(key) == moved.old and not value(popover):  # nobody can change it there
            set_value(key, moved.new)
            here.moved[key] = moved._replace(script_runs=here.script_runs)
        elif here.script_runs > moved.script_runs + 1:  # and not in the script run that follows the move
            del here.moved[key]
    if time.monotonic() > here.moved_until:
        for key in in_view:
            del here.moved[key]
    elif all(value(key) == moved.old for key, moved in in_view.items()):
        for key, moved in in_view.items():
            set_value(key, moved.new)


def begin_script_run() -> None:
    """Count the script runs of this tab."""
    tab().script_runs += 1


def drawn() -> None:
    """Take note that a script run has sent the whole page to the browser, moved widgets included."""
    here = tab()
    here.moved_until = min(here.moved_until, time.monotonic() + ECHO)


def tab() -> Tab:
    """Return this browser tab's own state."""
    if TAB not in st.session_state:
        st.session_state[TAB] = Tab(page=server.page_name())
    held: Tab = st.session_state[TAB]
    _release_on_disconnect(held)
    return held


def current_run() -> Run | None:
    """Return this tab's run, if it has not ended and no other tab has taken it over."""
    run = server.registry().get(tab().run_id)
    return run if run is not None and tab().page in run.pages else None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an action finish, whatever is clicked meanwhile.

    Streamlit ends a callback at its next access to session state as soon as another click has come: a preset with a quick
    Start after it was applied in part, or not at all.
    """
    context = get_script_run_ctx()
    if context is None:  # outside of a page
        yield
        return
    state = context.session_state
    before = state._yield_callback
    object.__setattr__(state, "_yield_callback", lambda: None)
    try:
        yield
    finally:
        object.__setattr__(state, "_yield_callback", before)


def serialized(action: Callable[P, R]) -> Callable[P, R]:
    """Make actions of one tab run one after the other, each to its end.

    Streamlit starts a second script for a click that comes while the first one's callback still works: without this,
    Start, clicked while Reset was building the new run, went to the old one.
    """

    @wraps(action)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        with _uninterrupted(), tab().lock:
            restore_moved()
            return action(*args, **kwargs)

    return guarded


def stop_waiting(tab: Tab) -> None:
    """Wait no more for a dataset; its job is cancelled if nobody else waits for it."""
    if tab.waiting_for is not None:
        server.download_jobs().leave(tab.waiting_for, tab.name)
        tab.waiting_for = tab.job = None


def _disconnected(tab: Tab) -> None:
    """Take note that the browser has closed, reloaded or lost the page.

    A page that reconnects has the same Tab, so what it keeps on disk stays until it surely does not come back.
    """
    stop_waiting(tab)
    server.when_gone(tab.page, partial(_gone, tab))


def _gone(tab: Tab) -> None:
    """Remove what a page that does not come back keeps on disk and in memory."""
    tab.close()
    forget(tab.page)


@st.cache_resource(scope="session", on_release=_disconnected, show_spinner=False)
def _release_on_disconnect(_tab: Tab) -> Tab:
    """Hold the tab where Streamlit reports a disconnected session; the argument's name keeps it out of the cache's key."""
    return _tab
