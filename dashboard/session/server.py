"""What this server holds for all its visitors: the runs, and the download jobs."""

import streamlit as st

from gan_core.runs.jobs import Jobs
from gan_core.runs.process import start_fork_server
from gan_core.runs.registry import Registry


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """Return the runs of this server, one registry for all sessions."""
    start_fork_server()
    made = Registry()
    made.sweep_in_background()
    return made


@st.cache_resource(show_spinner=False)
def download_jobs() -> Jobs:
    """Return the datasets that are being prepared on this server, for all sessions."""
    return Jobs()
