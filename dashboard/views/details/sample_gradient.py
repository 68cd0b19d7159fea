"""What D tells G: the gradient of loss_g in each fake."""

import streamlit as st

from dashboard.charts.images import sample_gradient_pngs
from dashboard.components import gallery
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the gradient over each fake."""
    view = snapshot.walk
    if view is None or view.sample_gradient is None or view.fake is None:
        st.caption("Step to the Backward stage of a G update: the gradient that D sends into each pixel appears here.")
        return
    st.caption(
        "−∂loss_g/∂pixel over each fake: D takes the fake for real if :orange[orange] pixels grow brighter and :blue[blue]"
        " ones darker. G's weights move to make that happen."
    )
    pngs = sample_gradient_pngs(view.fake, view.sample_gradient)
    gallery(pngs, [""] * len(pngs), "Which pixels D wants changed", "walk_push")
