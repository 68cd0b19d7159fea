"""BatchNorm in train and in eval mode: the same noise in three ways, and how far the running statistics are off."""

import numpy as np
import streamlit as st

from dashboard.charts.images import single_pngs
from dashboard.components import gallery
from gan_core.diagnostics.views import TrainEvalComparison, Values
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the fakes of each way, and the table of drifts."""
    view = snapshot.walk
    if view is None or view.train_eval is None:
        st.caption("Step to a Fakes stage: the same noise goes through the generator in three ways.")
        return
    compared = view.train_eval
    if compared.drifts:
        _three_ways(compared)
        _drifts(compared, view.config.batch_norm_momentum)
        return
    st.caption(
        "Without BatchNorm a fake depends only on its own noise, in train mode and in eval mode alike: between the two,"
        f" these values differ by at most {_difference(compared).max():.1g}, on a scale from −1 to 1."
    )
    gallery(single_pngs(compared.train), [""] * len(compared.train), "Fake", "compared_train")


def _three_ways(compared: TrainEvalComparison) -> None:
    ways = (
        ("Train mode: normalised by this whole batch, as in training", compared.train, "compared_train"),
        ("Eval mode: normalised by the running statistics, as in your download", compared.eval,
         "compared_eval"),
    )  # fmt: skip
    for column, (title, fakes, key) in zip(st.columns(2, gap="small"), ways, strict=True):
        with column:
            st.markdown(f":small[{title}]")
            gallery(single_pngs(fakes), [""] * len(fakes), title.partition(":")[0], key)
    st.markdown(f":small[Train mode, one fake at a time: PyTorch refuses. `{compared.refusal}`]")


def _drifts(compared: TrainEvalComparison, momentum: float) -> None:
    rows = [f"| {drift.name} | {drift.mean:.2f} | {drift.deviation:.2f} |" for drift in compared.drifts]
    head = "| Layer | running mean − batch mean | running deviation ÷ batch deviation |"
    st.markdown("\n".join([head, "|---|---|---|", *rows]))
    st.caption(
        "Means over a layer's units; the first is in standard deviations of the batch. Equal statistics would give 0 and 1."
        f" With momentum {momentum:g} each batch replaces {100 * momentum:g}% of the running ones. Here eval mode's values"
        f" differ from train mode's by {_difference(compared).mean():.2g} on average, on a scale from −1 to 1."
    )


def _difference(compared: TrainEvalComparison) -> Values:
    difference: Values = np.abs(compared.train - compared.eval)
    return difference
