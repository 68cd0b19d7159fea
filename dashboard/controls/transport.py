"""The buttons that send the run commands, in the row at the top."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.session.state import tab
from gan_core.presets import PRESETS
from gan_core.runs.protocol import Pause, Step, Update, Walk

WIDTH = 96  # pixels of the buttons whose text changes: nothing beside them may move


def train_buttons(state: PageState) -> None:
    """Draw the Train page's buttons: start or pause, steps, reset, presets."""
    possible = state.settings.config is not None
    _start_or_pause(state, "Start", possible, type="primary", width=WIDTH)
    for key, label, command, help in (
        ("step", "Step", Step(1), "Exactly one iteration: the D and G updates of the order above."),
        ("step_d", "D step", Update("D"), "One update of only the discriminator."),
        ("step_g", "G step", Update("G"), "One update of only the generator."),
    ):
        enabled = possible and state.report.state == "paused"
        _button(key, label, commands.reconcile_and_send, enabled, args=(command,), help=help)
    _button(
        "reset", "Reset", commands.reset, possible, type="primary" if state.waiting else "secondary",
        help="Start again from the same seed, with the current settings.",
    )  # fmt: skip
    _presets()


def step_through_buttons(state: PageState) -> None:
    """Draw the Step through page's buttons: the next stage, the rest of an update or an iteration, run on or pause."""
    paused = state.report.state == "paused"
    for key, label, action, command, help in (
        ("walk_stage", "Next stage", commands.send, Walk("stage"),
         "Execute the next stage of this update, or the first of the next one."),
        ("walk_turn", "Finish update", commands.send, Walk("turn"), "Execute the rest of this update."),
        ("step", "Finish iteration", commands.reconcile_and_send, Step(1),
         "Execute the rest of this iteration, or a whole one."),
    ):  # fmt: skip
        kind = "primary" if key == "walk_stage" else "secondary"
        _button(key, label, action, paused, args=(command,), type=kind, help=help)
    _start_or_pause(state, "Run on", True)


def _start_or_pause(state: PageState, label: str, possible: bool, **options: Any) -> None:
    report = state.report
    if report.state == "running":
        options = {**options, "width": WIDTH}
        _button("pause", "Pause", commands.send, True, args=(Pause(),), icon=":material/pause:", **options)
    else:
        label = "Again" if report.state == "failed" else label
        enabled = possible and report.state != "starting"
        _button("start", label, commands.start, enabled, icon=":material/play_arrow:", **options)


def _button(key: str, label: str, action: Callable[..., None], enabled: bool, **options: Any) -> None:
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
