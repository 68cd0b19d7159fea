"""The row at the top: the buttons that send the run commands, its speed, and what can be taken from it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from dashboard.components import copy_button
from dashboard.controls import downloads
from dashboard.controls.speed import run_until, speed_control
from dashboard.session import address, commands
from dashboard.session.run import PageState
from dashboard.session.state import tab
from gan_core.presets import PRESETS
from gan_core.runs.protocol import Pause, Step, Update, Walk
from gan_core.snapshot import Snapshot

WIDTH = 96  # pixels of the buttons whose text changes: nothing beside them may move


def train_buttons(state: PageState) -> None:
    """Draw the Train page's row."""
    _start_or_pause(state, "Start", type="primary", width=WIDTH)
    for key, label, shortcut, command, help in (
        ("step", "Step", "S", Step(1), "Exactly one iteration: the D and G updates in the update order."),
        ("step_d", "D step", "D", Update("D"), "One update of only the discriminator."),
        ("step_g", "G step", "G", Update("G"), "One update of only the generator."),
    ):
        enabled = state.can_train and state.report.state == "paused"
        _button(key, label, commands.reconcile_and_send, enabled, shortcut, help, args=(command,))
    _button(
        "reset", "Reset", commands.reset, state.can_reset, "0",
        "Start again from the same seed, with the current settings. Undo brings this run back for three minutes.",
        type="primary" if state.waiting else "secondary",
    )  # fmt: skip
    _button(
        "undo", "", commands.undo, state.can_undo, "U", "Undo: bring back the run that was replaced last.",
        icon=":material/undo:", type="tertiary",
    )  # fmt: skip
    for key, draw in (
        ("speed", partial(speed_control, state)),
        ("run_to", partial(run_until, state)),
        ("presets", _presets),
        ("share", partial(_share, state.report.snapshot)),
        ("downloads", partial(downloads.menu, state.report)),
    ):
        if key not in tab().lesson.hidden:
            draw()


def step_through_buttons(state: PageState) -> None:
    """Draw the Step through page's row: the next stage, the rest of an update or an iteration, run on or pause."""
    paused = state.report.state == "paused"
    for key, label, action, command, shortcut, help in (
        ("walk_stage", "Next stage", commands.send, Walk("stage"), "N",
         "Execute the next stage of this update, or the first of the next one."),
        ("walk_turn", "Finish update", commands.send, Walk("turn"), "F", "Execute the rest of this update."),
        ("step", "Finish iteration", commands.reconcile_and_send, Step(1), "S",
         "Execute the rest of this iteration, or a whole one."),
    ):  # fmt: skip
        kind = "primary" if key == "walk_stage" else "secondary"
        _button(key, label, action, paused, shortcut, help, args=(command,), type=kind)
    _start_or_pause(state, "Run on")


def _start_or_pause(state: PageState, label: str, **options: Any) -> None:
    report = state.report
    if report.state == "running":
        options = {**options, "width": WIDTH}
        _button("pause", "Pause", commands.send, True, "P", "", args=(Pause(),), icon=":material/pause:", **options)
    else:
        if report.state == "failed":
            label, options = "Start again", {}
            _go_on(state)
        enabled = state.can_train and report.state != "starting"
        _button("start", label, commands.start, enabled, "P", "", icon=":material/play_arrow:", **options)


def _go_on(state: PageState) -> None:
    if state.saved_iteration is not None:
        _button(
            "go_on", f"Go on from {state.saved_iteration:,}", commands.go_on, True, "G",
            "Train on from the iteration that was saved last, with the settings as they stand.", type="primary",
        )  # fmt: skip


def _button(
    key: str, label: str, action: Callable[..., None], enabled: bool, shortcut: str, help: str, **options: Any
) -> None:
    """Draw a button, unless a teacher's link hides it. The tooltip names its shortcut, which the stylesheet hides."""
    if key in tab().lesson.hidden:
        return
    help = f"{help} Key: {shortcut}".strip()
    st.button(label, key=key, on_click=action, disabled=not enabled, shortcut=shortcut, help=help, **options)


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
            st.caption(preset.description)


def _share(snapshot: Snapshot | None) -> None:
    with st.popover("Share", key="share", icon=":material/share:", type="tertiary"):
        st.caption("The page's address carries the settings, and whoever opens it begins a run of their own.")
        copy_button(f"?{address.share_link()}", "Copy link", "copy_link")
        if snapshot is not None and snapshot.trained:
            _share_recipe(snapshot)
        if private := address.private_link():
            st.caption(
                "The private link opens this run itself, in your browser on another device: keep it to yourself."
            )
            copy_button(f"?{private}", "Copy private link", "copy_private_link")
        st.toggle("Projector mode", key="projector", persist_state="session", help="Larger type, for a class.")


def _share_recipe(snapshot: Snapshot) -> None:
    try:
        query = address.recipe_link(snapshot)
    except ValueError as reason:
        st.caption(str(reason))
        return
    st.caption(
        f"The recipe link repeats this run by training, your changes on the way included: up to iteration"
        f" {snapshot.iteration:,}, and to the same weights on the same kind of processor."
    )
    copy_button(f"?{query}", "Copy recipe link", "copy_recipe_link")
