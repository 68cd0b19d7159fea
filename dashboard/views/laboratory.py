"""The detach laboratory: one iteration under other rules, on a copy of the run."""

import streamlit as st

from dashboard.charts.update import number
from dashboard.session.commands import send
from dashboard.session.state import set_value, value
from gan_core.diagnostics.views import Block, Experiment, Switches
from gan_core.runs.protocol import Report, Try

_SWITCHES = {
    "detach": ("Detach the fakes in D's block", "Off: D's loss also goes back into G."),
    "zero_grad": ("Zero the gradients first", "Off: backward() adds to what the last update left."),
    "ones": ("Hold G's fakes against ones", "Off: against zeros with the other sign, the saturating loss."),
    "reuse_fakes": ("Use D's fakes again in G's block", "On: G's block makes no fakes of its own."),
    "retain_graph": ("retain_graph in D's backward", "On: D's backward() keeps the graph for another one."),
}
_USUAL = {"detach": True, "zero_grad": True, "ones": True, "reuse_fakes": False, "retain_graph": False}


def room(report: Report) -> None:
    """Switches, a button, and what came of it."""
    st.caption(
        "The lecture's two blocks, with its cross entropy, on a copy of your run from this very state. G's .grad begins as"
        " None, D's is what the run left. Whatever you break here, the run itself is as it was."
    )
    with st.container(horizontal=True):
        for name, (label, help) in _SWITCHES.items():
            st.toggle(label, value=_USUAL[name], key=f"lab_{name}", help=help, persist_state="session")
    with st.container(horizontal=True):
        able = report.state != "failed"
        st.button("Try it", key="lab_try", icon=":material/science:", on_click=_try, disabled=not able)
        st.button("Restore", key="lab_restore", on_click=_restore, help="The lecture's switches again, nothing tried.")
    if report.snapshot is not None and report.snapshot.experiment is not None:
        _result(report.snapshot.experiment)


def _try() -> None:
    on = {name: bool(value(f"lab_{name}", usual)) for name, usual in _USUAL.items()}
    send(
        Try(
            Switches(
                detach=on["detach"],
                zero_grad=on["zero_grad"],
                labels="ones" if on["ones"] else "zeros",
                reuse_fakes=on["reuse_fakes"],
                retain_graph=on["retain_graph"],
            )
        )
    )


def _restore() -> None:
    for name, usual in _USUAL.items():
        set_value(f"lab_{name}", usual)
    send(Try(None))


def _result(experiment: Experiment) -> None:
    head = "| | loss | ‖G .grad‖ | ‖D .grad‖ | ‖ΔG‖ | ‖ΔD‖ | time |"
    rows = [
        row
        for tried, usual in zip(_padded(experiment.blocks), experiment.usual, strict=True)
        for row in (
            _row(f"{usual.network} block, as switched", tried),
            _row(f"{usual.network} block, the lecture's", usual),
        )
    ]
    st.markdown("\n".join([head, "|---|---|---|---|---|---|---|", *rows]))
    for block in experiment.blocks:
        if block.error:
            st.markdown(f"PyTorch refuses in the {block.network} block:")
            st.code(block.error, language=None, wrap_lines=True)
    st.caption(_meaning(experiment))


def _padded(blocks: tuple[Block, ...]) -> tuple[Block | None, ...]:
    return (*blocks, *(None,) * (2 - len(blocks)))


def _row(name: str, block: Block | None) -> str:
    if block is None:
        return f"| {name} | not reached | | | | | |"
    loss = "stopped" if block.loss is None else f"{block.loss:.4f}"
    norms = (block.gradient_g, block.gradient_d, block.change_g, block.change_d)
    return f"| {name} | {loss} | {' | '.join(map(number, norms))} | {block.seconds * 1000:.1f} ms |"


def _meaning(experiment: Experiment) -> str:
    """What to see in the table, for the switches that were changed."""
    switches = experiment.switches
    says = []
    if not switches.detach:
        says.append("Not detached: D's backward has filled G's .grad too, and took the longer way. G's weights stay.")
    if not switches.zero_grad:
        says.append("Not zeroed: each gradient is the sum of this one and what was left, so the step is another one.")
    if switches.labels == "zeros":
        says.append("Against zeros, turned round: the same direction, but weak wherever D is sure.")
    if switches.reuse_fakes and not switches.detach and not switches.retain_graph:
        says.append("D's backward has freed the graph through G, so G's block cannot go through it again.")
    if switches.reuse_fakes and switches.retain_graph and not switches.detach:
        says.append("The graph was kept, so G's block can go through it again, at the price of memory.")
    return " ".join(says) or "The lecture's own rules: both rows are the same but for the time."
