"""The detach laboratory: one iteration under other rules, on a copy of the run."""

from itertools import zip_longest
from typing import Literal

import streamlit as st

from dashboard.charts.update import number
from dashboard.session.commands import send
from dashboard.session.state import set_value, value
from gan_core.diagnostics.views import Block, Experiment, Switches
from gan_core.runs.protocol import Report, Try
from gan_core.snapshot import Snapshot

_SWITCHES = {  # name: the lecture's position, label, help
    "detach": (True, "Detach the fakes in D's block", "Off: D's loss also flows back into G."),
    "zero_grad": (True, "Zero the gradients first", "Off: backward() adds to the gradients of the last update."),
    "ones": (True, "Compare G's fakes with ones", "Off: with zeros and the opposite sign, the saturating loss."),
    "reuse_fakes": (False, "Reuse D's fakes in G's block", "On: G's block makes no fakes of its own."),
    "retain_graph": (False, "retain_graph in D's backward", "On: D's backward() keeps the graph for another one."),
}


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the switches, the buttons, and the last result."""
    st.caption(
        "The lecture's two blocks, with its cross entropy, on a copy of your run in its current state. G's .grad begins as"
        " None, D's as your run left it. Nothing you try here changes your run."
    )
    with st.container(horizontal=True):
        for name, (usual, label, help) in _SWITCHES.items():
            st.toggle(label, value=usual, key=f"lab_{name}", help=help, persist_state="session")
    with st.container(horizontal=True):
        st.button("Try it", key="lab_try", icon=":material/science:", on_click=_try, disabled=report.state == "failed")
        st.button(
            "Restore", key="lab_restore", on_click=_restore, help="Restore the lecture's switches and clear the result."
        )
    if snapshot.experiment is not None:
        _result(snapshot.experiment)


def _try() -> None:
    on = {name: bool(value(f"lab_{name}", usual)) for name, (usual, *_) in _SWITCHES.items()}
    labels: Literal["ones", "zeros"] = "ones" if on.pop("ones") else "zeros"
    send(Try(Switches(labels=labels, **on)))


def _restore() -> None:
    for name, (usual, *_) in _SWITCHES.items():
        set_value(f"lab_{name}", usual)
    send(Try(None))


def _result(experiment: Experiment) -> None:
    head = "| | loss | ‖G .grad‖ | ‖D .grad‖ | ‖ΔG‖ | ‖ΔD‖ | time |"
    rows = []
    for tried, unchanged in zip_longest(experiment.blocks, experiment.unchanged):  # an error ends the first early
        rows += [
            _row(f"{unchanged.network} block, as switched", tried),
            _row(f"{unchanged.network} block, the lecture's", unchanged),
        ]
    st.markdown("\n".join([head, "|---|---|---|---|---|---|---|", *rows]))
    for block in experiment.blocks:
        if block.error:
            st.markdown(f"PyTorch refuses in the {block.network} block:")
            st.code(block.error, language=None, wrap_lines=True)
    st.caption(_meaning(experiment))


def _row(name: str, block: Block | None) -> str:
    if block is None:
        return f"| {name} | not reached | | | | | |"
    loss = "stopped" if block.loss is None else f"{block.loss:.4f}"
    norms = (block.gradient_g, block.gradient_d, block.change_g, block.change_d)
    return f"| {name} | {loss} | {' | '.join(map(number, norms))} | {block.seconds * 1000:.1f} ms |"


def _meaning(experiment: Experiment) -> str:
    """Explain what the table shows for the switches that were changed."""
    switches = experiment.switches
    notes = []
    if not switches.detach:
        notes.append(
            "Not detached: D's backward has filled G's .grad too, and took longer. G's weights stay unchanged."
        )
    if not switches.zero_grad:
        notes.append("Not zeroed: each gradient is the sum of this one and the last one, so the step differs.")
    if switches.labels == "zeros":
        notes.append("Against zeros with the opposite sign: the same direction, but weak wherever D is sure.")
    if switches.reuse_fakes and not switches.detach and not switches.retain_graph:
        notes.append("D's backward has freed the graph through G, so G's block cannot go through it again.")
    if switches.reuse_fakes and switches.retain_graph and not switches.detach:
        notes.append("The graph was kept, so G's block can go through it again, at the cost of memory.")
    return " ".join(notes) or "The lecture's own rules: both rows are the same but for the time."
