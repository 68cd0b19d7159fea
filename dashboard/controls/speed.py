"""How fast a training goes, and where it pauses by itself."""

import streamlit as st

from dashboard.session import commands
from dashboard.session.run import PageState, fetch_report
from dashboard.session.speeds import SPEEDS, name_of
from dashboard.session.state import serialized, set_value, tab, value
from gan_core.runs.protocol import Stop

CONDITIONS = {"iteration": "Iteration", "loss_d": "D loss", "loss_g": "G loss", "d_real": "D(x)", "d_fake": "D(G(z))"}


def speed_control(state: PageState) -> None:
    """Draw the choice of a speed, at the one that is in force."""
    set_value("speed", name_of(commands.speed_of(state.report)))
    st.html('<p class="note">it/s</p>', width="content")
    st.segmented_control(
        "Iterations a second", list(SPEEDS), key="speed", default=None, on_change=commands.choose_speed,
        label_visibility="collapsed",
    )  # fmt: skip


def run_until(state: PageState) -> None:
    """Draw the popover in which the learner says where the training pauses."""
    snapshot = state.report.snapshot
    now = 0 if snapshot is None else snapshot.iteration
    menu = st.popover("Run to", key="run_to", type="tertiary", icon=":material/flag:", on_change=_suggest)
    with menu, st.container(width=300):  # a sentence below the fields wraps, and does not move the popover
        st.caption("Train, and pause there. A number that is not finite (NaN) always ends the training.")
        _condition(now)
        possible = state.can_train and state.report.state in ("paused", "running")
        st.button("Train", key="run_until", type="primary", on_click=_run_until, disabled=not possible)


def _condition(now: int) -> None:
    """Draw the fields of the condition, for a run at iteration ``now``, and why the last one was not possible."""
    metric = st.selectbox(
        "Quantity", list(CONDITIONS), format_func=CONDITIONS.__getitem__, key="stop_metric", on_change=_forget_problem
    )
    if metric == "iteration":
        st.number_input(
            "Iteration", 1, value=_following(now), step=100, key="stop_iteration", on_change=_forget_problem
        )
    else:
        st.segmented_control("Pause when it is", ("above", "below"), default="above", required=True, key="stop_side")
        st.number_input("Value", value=1.0, step=0.1, format="%.3f", key="stop_value", on_change=_forget_problem)
    if tab().stop_problem:
        st.error(tab().stop_problem)


def _forget_problem() -> None:
    tab().stop_problem = ""


def _following(iteration: int) -> int:
    """Return the next multiple of 500."""
    return (iteration // 500 + 1) * 500


def _suggest() -> None:
    """Suggest the next iteration whenever the popover opens."""
    _forget_problem()
    snapshot = fetch_report().snapshot
    if value("run_to") and snapshot is not None:
        set_value("stop_iteration", _following(snapshot.iteration))


@serialized
def _run_until() -> None:
    metric = value("stop_metric")
    if metric == "iteration":
        commands.run_until(Stop(iteration=value("stop_iteration")))
    else:
        commands.run_until(Stop(metric=metric, above=value("stop_side") == "above", value=value("stop_value")))
    set_value("run_to", bool(tab().stop_problem))  # it closes, and does not hide the run that goes on
