"""The line above the transport bar: what is wrong, or what to do next."""

import streamlit as st

from dashboard.charts.rich_text import bold, icon, rich_text
from dashboard.components.live import dated, text
from dashboard.panels.base import Payload
from dashboard.session.run import PageState
from gan_core.config import GANConfig
from gan_core.runs.protocol import Failure
from gan_core.snapshot import Snapshot

MESSAGE = "text_message"


def draw_message(state: PageState, hint: Payload, has_controls: bool) -> None:
    """Draw the most urgent message; the hint is a live panel. Without controls, nothing is said about settings."""
    report = state.report
    if has_controls and state.settings.problems:
        st.error("  \n".join(state.settings.problems), icon=":material/edit:")
    elif report.failure is not None:
        _failure(report.failure, report.snapshot)
    elif state.preparing:
        _preparing(report.snapshot)
    elif has_controls and state.waiting:
        _waiting(state.waiting)
    else:
        text(dated(hint), MESSAGE, small=True)


def _failure(failure: Failure, snapshot: Snapshot | None) -> None:
    kept = ""
    if snapshot is not None:
        kept = (
            f" The Train page keeps the charts and the generator of iteration {snapshot.samples_iteration:,}."
            " **Again** begins at iteration 0."
        )
    st.error(failure.message + kept, icon=":material/error:")
    if failure.details:
        with st.popover("Details", icon=":material/code:", type="tertiary"):
            st.code(failure.details, language=None)


def _preparing(snapshot: Snapshot | None) -> None:
    note = " The dataset is being prepared; this is done once."
    if snapshot is not None:
        note += " Meanwhile your run stays as it is: train on, or cancel."
    text(rich_text(icon("download"), note), "text_preparing", small=True)


def _waiting(changed: tuple[str, ...]) -> None:
    labels = [bold(GANConfig.setting(name).label) for name in changed]
    listed = [span for label in labels for span in (", ", label)][1:]
    end = ". It applies from ", bold("Reset"), " on; this run keeps what it began with."
    text(rich_text(icon("restart_alt"), " Changed: ", *listed, *end), "text_waiting", small=True)
