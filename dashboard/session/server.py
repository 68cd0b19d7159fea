"""What this server holds for all its visitors, the runs and the download jobs, and which of their pages are open."""

import atexit
import logging
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from queue import SimpleQueue

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.live.browser import COOKIE
from dashboard.live.figures import publish
from gan_core.data.prepared import remove_abandoned
from gan_core.runs.budget import server_budget, within
from gan_core.runs.jobs import Jobs
from gan_core.runs.lazy import LazyRunner
from gan_core.runs.previews import Previews
from gan_core.runs.process import ProcessRunner, start_fork_server
from gan_core.runs.registry import PAUSE_AFTER, Registry
from gan_core.runs.turns import shared_turns

Departures = SimpleQueue[tuple[float, str, Callable[[], None]]]  # when that is sure, in time.monotonic()'s seconds


# Streamlit's cache outlives a change of this file while the server runs; Python's outlives "Clear caches".
@st.cache_resource(show_spinner=False)
@cache
def registry() -> Registry:
    """Return the runs of this server, one registry for all sessions."""
    start_fork_server()
    remove_abandoned()
    budget = server_budget()
    previews = Previews(budget=budget)
    atexit.register(previews.close)
    begin = partial(LazyRunner, within(budget, ProcessRunner), previews)
    made = Registry(begin, is_open=is_open, budget=budget)
    made.sweep_in_background()
    publish(lambda: (len(made.all()), *shared_turns().standing, budget.held, budget.total))
    return made


@st.cache_resource(show_spinner=False)
def download_jobs() -> Jobs:
    """Return the datasets that are being prepared on this server, for all sessions."""
    return Jobs()


def page_name() -> str:
    """Return the name of the page that this script runs for: its session, which it keeps when it reconnects."""
    context = get_script_run_ctx()
    assert context is not None, "a page's script has a session"
    return context.session_id


def when_gone(page: str, action: Callable[[], None]) -> None:
    """Call ``action`` once the page of this name has been closed for a minute; never if it comes back before."""
    _closed_pages().put((time.monotonic() + PAUSE_AFTER, page, action))


@cache
def _closed_pages() -> Departures:
    """Return where closed pages wait, in the order in which they were closed, for the one thread that follows them."""
    departures: Departures = SimpleQueue()
    threading.Thread(target=_follow, args=(departures,), name="gan-closed-pages", daemon=True).start()
    return departures


def _follow(departures: Departures) -> None:
    while True:
        due, page, action = departures.get()
        time.sleep(max(0.0, due - time.monotonic()))  # the next one was closed later
        if not is_open(page):
            try:
                action()
            except Exception:  # of one page; the others leave, too
                logging.getLogger(__name__).exception("What a closed page had could not be removed.")


def browser_secret() -> str:
    """Return the secret of this script's browser, which its runs belong to; "" for one that keeps no cookies."""
    return st.context.cookies.get(COOKIE, "")


def is_open(page: str) -> bool:
    """Return whether a browser is connected to the page of this name. Safe to call from any thread."""
    return runtime.exists() and runtime.get_instance().is_active_session(page)
