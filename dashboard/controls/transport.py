"""The buttons that send the run commands, pinned to the window's lower edge."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.session.state import tab
from gan_core.presets import PRESETS

WIDTH = 108  # pixels of the buttons whose text changes: nothing beside them may move
STATUS_WIDTH = 520  # pixels; on a narrower window the status takes a line of its own


def bar(buttons: Callable[[PageState], None], state: PageState) -> tuple[Any, Any]:
    """Draw the bar with these buttons; return the placeholders for the message and for the status."""
    with st.bottom:
        message = st.container(gap="xxsmall")
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"
        ):
            with st.container(horizontal=True, width="content", gap="xsmall"):
                buttons(state)
            status = st.container(width=STATUS_WIDTH)
    return message, status


def train_buttons(state: PageState) -> None:
    """Draw the Train page's buttons: start or pause, steps, reset, presets."""
    report, possible = state.report, state.settings.config is not None
    paused = possible and report.state == "paused"
    if report.state == "running":
        _button("pause", "Pause", commands.pause, icon=":material/pause:", type="primary", width=WIDTH)
    else:
        _button(
            "start", _start_label(state, "Start"), commands.start, possible and report.state != "starting",
            icon=":material/play_arrow:", type="primary", width=WIDTH,
        )  # fmt: skip
    for key, label, action, help in (
        ("step", "Step", commands.step, "Exactly one iteration: the D and G updates of the order above."),
        ("step_d", "D step", commands.step_d, "One update of the discriminator alone."),
        ("step_g", "G step", commands.step_g, "One update of the generator alone."),
    ):
        _button(key, label, action, paused, help=help)
    _button(
        "reset", "Reset", commands.reset, possible, type="primary" if state.waiting else "secondary",
        help="Start again from the same seed, with the current settings.",
    )  # fmt: skip
    _presets()


def step_through_buttons(state: PageState) -> None:
    """Draw the Step through page's buttons: the next stage, the rest of an update or an iteration, run on or pause."""
    report = state.report
    paused = report.state == "paused"
    for key, label, action, help in (
        ("walk_stage", "Next stage", commands.walk_stage, "Execute the next stage of this update, or the first of the next one."),
        ("walk_turn", "Finish update", commands.walk_turn, "Execute the rest of this update."),
        ("step", "Finish iteration", commands.step, "Execute the rest of this iteration, or a whole one."),
    ):  # fmt: skip
        _button(key, label, action, paused, help=help, type="primary" if key == "walk_stage" else "secondary")
    if report.state == "running":
        _button("pause", "Pause", commands.pause, icon=":material/pause:", width=WIDTH)
    else:
        label = _start_label(state, "Run on")
        _button("start", label, commands.start, report.state != "starting", icon=":material/play_arrow:")


def _start_label(state: PageState, label: str) -> str:
    return "Again" if state.report.state == "failed" else label


def _button(key: str, label: str, action: Callable[[], None], enabled: bool = True, **options: Any) -> None:
    st.button(label, key=key, on_click=action, disabled=not enabled, **options)


def _presets() -> None:
    # Another key after each choice: the popover closes then, and does not hide the run that it has begun.
    with st.popover(
        "Presets", key=f"presets_{tab().presets_used}", icon=":material/experiment:", type="tertiary"
    ):  # fmt: skip
        st.caption("Each sets the controls and begins a new run.")
        for name, preset in PRESETS.items():
            st.button(
                preset.title, key=f"preset_{name}", on_click=commands.begin_with, args=(preset.config,), width="stretch"
            )
            st.caption(preset.sentence)
