"""Saturating or not: both generator losses of cross entropy, with this batch's scores on them."""

import streamlit as st

from dashboard.charts import update as charts
from dashboard.components.live import plot
from gan_core.losses import LOSSES
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw both curves and how strongly each pulls."""
    view = snapshot.walk
    config = snapshot.config if view is None else view.config
    if not LOSSES[config.loss].is_probability:
        st.caption("These curves belong to cross entropy; this run uses another loss.")
        return
    if view is None or view.fake_logits is None:
        st.caption("Step to a Scores stage: this batch's scores appear as dots on both curves.")
        return
    plain, saturating = charts.slopes(view.fake_logits)
    st.caption(
        f"Dots: p = D(G(z)) of this batch. Mean slope of the loss over a fake's logit: **{plain:.2f}** with fakes against"
        f" ones (1 − p), **{saturating:.2f}** with the saturating form (p). A fake that D is sure of (p near 0) moves"
        " the logit only with the first."
    )
    figure = charts.generator_losses(view.fake_logits)
    plot(charts.payload(figure), "Generator losses", "walk_saturating", charts.CURVES_HEIGHT)
