"""BatchNorm in train and in eval mode: the same noise in three ways, and how far the running statistics are off."""

import streamlit as st

from dashboard.charts.images import single_pngs
from dashboard.components import gallery
from gan_core.diagnostics.views import TrainEvalComparison
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the fakes of each way, and the table of drifts."""
    view = snapshot.walk
    if view is None or view.train_eval is None:
        st.caption("Step to a Fakes stage: the same noise goes through the generator in three ways.")
        return
    compared = view.train_eval
    for title, fakes, key in (
        ("Train mode: normalised by this whole batch, as in training", compared.train, "twins_train"),
        ("Eval mode: normalised by the running statistics, as on the Train page and in your download", compared.eval,
         "twins_eval"),
        ("Train mode, one at a time", compared.alone, "twins_alone"),
    ):  # fmt: skip
        st.markdown(f":small[{title}]")
        if fakes is None:
            st.code(compared.refusal, language=None, wrap_lines=True)
        else:
            gallery(single_pngs(fakes), [""] * len(fakes), title, key)
    _drifts(compared, snapshot.config.batch_norm_momentum)


def _drifts(compared: TrainEvalComparison, momentum: float) -> None:
    if not compared.drifts:
        st.caption("Without BatchNorm all three are the same: each fake depends only on its own noise.")
        return
    rows = [f"| {drift.name} | {drift.mean:.2f} | {drift.deviation:.2f} |" for drift in compared.drifts]
    head = "| layer | mean off by (batch deviations) | running / batch deviation |"
    st.markdown("\n".join([head, "|---|---|---|", *rows]))
    st.caption(
        f"With momentum {momentum:g} each batch replaces {momentum:.0%} of the running statistics: a larger momentum follows"
        " faster and is noisier. Eval mode therefore differs a little from train mode, and differently after each update."
    )
