"""What the page says in words: the hint, and below it a notice while something is wrong, pending or prepared."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.charts.rich_text import Span, bold, emphasised, icon, rich_text, toned
from dashboard.components.live import dated, text
from dashboard.controls.data import cancel_download, choose_own, download_progress, try_again
from dashboard.panels.base import Payload
from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.session.state import tab
from gan_core.config import GANConfig
from gan_core.runs.protocol import Failure
from gan_core.snapshot import Snapshot

MESSAGE = "text_message"
ENDED = "The run in the address has ended. This is a new one with the settings in the address."
ONE_LINE = 150  # characters that surely fit beside the buttons at 1280 pixels
MOST_LINES = 3  # that the page makes room for


def draw_hint(hint: Payload) -> None:
    """Draw what the run shows and what can be done next, as a live panel."""
    text(dated(hint), MESSAGE)


def draw_notice(state: PageState, has_controls: bool) -> None:
    """Draw the most urgent notice, if there is one; without controls, nothing is said about settings."""
    report = state.report
    if has_controls and state.settings.problems:
        with _notice(icon("edit"), *emphasised(f" {' '.join(state.settings.problems)}", "red")):
            choose_own()
            try_again()
            _undo_changes()
    elif report.failure is not None:
        _failure(report.failure, report.snapshot, state.saved_iteration)
    elif tab().trouble:
        _warn("error", tab().trouble)
    elif state.preparing:
        _preparing(report.snapshot)
    elif report.warning:
        _warn("hard_drive", report.warning)
    elif tab().run_ended:
        _warn("link", ENDED)
    elif has_controls and tab().link_problems:
        _warn("link", " ".join(tab().link_problems))
    elif has_controls and state.waiting:
        _waiting(state.waiting)


@contextmanager
def _notice(*spans: str | Span) -> Iterator[None]:
    """Draw one line of text or a few, and beside it what the context draws."""
    length = sum(len(span if isinstance(span, str) else str(span.get("text", ""))) for span in spans)
    lines = min(MOST_LINES, 1 + length // ONE_LINE)
    with st.container(key=f"notice_{lines}", horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        text(rich_text(*spans), "text_notice")
        yield


def _warn(symbol: str, sentences: str) -> None:
    with _notice(icon(symbol), toned(f" {sentences}", "orange")):
        pass


def _failure(failure: Failure, snapshot: Snapshot | None, saved: int | None) -> None:
    kept = ""
    if snapshot is not None:
        kept = f" The charts and the generator of iteration {snapshot.samples_iteration:,} are kept."
    if saved is not None:
        kept += f" Go on continues from iteration {saved:,}, which was saved last. Start again begins at iteration 0."
    with _notice(icon("error"), toned(f" {failure.message}{kept}", "red")):
        if failure.details:
            with st.popover("Details", icon=":material/code:", type="tertiary"):
                st.code(failure.details, language=None)


def _preparing(snapshot: Snapshot | None) -> None:
    note = " The dataset is being prepared; this is done once."
    if snapshot is not None:
        note += " Meanwhile your run stays as it is: train on, or cancel."
    with _notice(icon("download"), note):
        download_progress()
        cancel_download()


def _waiting(changed: tuple[str, ...]) -> None:
    labels = [bold(GANConfig.setting(name).label) for name in changed]
    listed = [span for label in labels for span in (", ", label)][1:]
    with _notice(icon("restart_alt"), toned(" Waits for Reset: ", "orange"), *listed, "."):
        _undo_changes()


def _undo_changes() -> None:
    st.button(
        "Undo changes", key="discard_changes", type="tertiary", on_click=commands.discard_changes,
        help="Bring the settings back to those of the run.",
    )  # fmt: skip
