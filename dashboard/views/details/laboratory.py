"""The detach laboratory: one iteration under other rules, on a copy of the run."""

from typing import Literal

import streamlit as st

from dashboard.charts import laboratory as results
from dashboard.session.commands import send
from dashboard.session.state import set_value, value
from gan_core.diagnostics.views import Experiment, Switches
from gan_core.runs.protocol import Report, Try
from gan_core.snapshot import Snapshot

_SWITCHES = {  # name: the lecture's position, label, help
    "detach": (True, "Detach the fakes in D's block", "Off: D's loss also flows back into G."),
    "zero_grad": (True, "Zero the gradients first", "Off: backward() adds to what .grad already holds."),
    "ones": (
        True,
        "G's loss: fakes against ones",
        "On: g_loss = bce(fake_logits, ones). Off: g_loss = -bce(fake_logits, zeros), the saturating loss: fakes against"
        " zeros, with the sign reversed.",
    ),
    "reuse_fakes": (
        False,
        "Reuse D's fakes in G's block",
        "On: G's block makes no fakes of its own; it scores D's again, after D's step.",
    ),
    "retain_graph": (False, "retain_graph in D's backward", "On: D's backward() keeps the graph for another one."),
}


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the switches, the buttons, and the last result."""
    st.caption(
        "The lecture's two blocks, with cross entropy, on a copy of your run. There G's .grad is None at first, and D's is"
        " that of your run. D is not frozen in G's block, so that block adds to D's .grad too."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for name, (usual, label, help) in _SWITCHES.items():
            st.toggle(label, value=usual, key=f"lab_{name}", help=help, persist_state="session")
        st.button("Try it", key="lab_try", icon=":material/science:", on_click=_try, disabled=report.state == "failed")
        st.button(
            "Restore", key="lab_restore", on_click=_restore, help="Restore the lecture's switches and clear the result."
        )
    if snapshot.experiment is not None:
        _result(snapshot.experiment, _outdated(snapshot.experiment, snapshot))


def switches() -> Switches:
    """Return the switches as they are set on the page."""
    on = {name: bool(value(f"lab_{name}", usual)) for name, (usual, *_) in _SWITCHES.items()}
    labels: Literal["ones", "zeros"] = "ones" if on.pop("ones") else "zeros"
    return Switches(labels=labels, **on)


def _try() -> None:
    send(Try(switches()))


def _restore() -> None:
    for name, (usual, *_) in _SWITCHES.items():
        set_value(f"lab_{name}", usual)
    send(Try(None))


def _outdated(experiment: Experiment, snapshot: Snapshot) -> str:
    """Return why the result is no longer that of these switches and of the run's state; empty if it is."""
    if experiment.switches != switches():
        return "The switches have changed since this result: press Try it again."
    if experiment.updates != (snapshot.updates_d, snapshot.updates_g):
        return "Your run has trained on since this result: press Try it again."
    return ""


def _result(experiment: Experiment, outdated: str) -> None:
    if outdated:
        st.caption(f":material/history: {outdated}")
    st.markdown(results.table(experiment))
    st.caption(results.explain(experiment))
    for block in experiment.blocks:
        if block.error:
            st.code(
                f"RuntimeError in the {block.network} block: {block.error}",
                language=None,
                wrap_lines=True,
            )
