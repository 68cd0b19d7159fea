"""What D tells G: the gradient of loss_g in each fake."""

import numpy as np
import streamlit as st

from dashboard.charts.images import sample_gradient_pngs
from dashboard.components import gallery
from gan_core.diagnostics.views import Values
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the gradient over each fake."""
    view = snapshot.walk
    if view is None or view.sample_gradient is None or view.fake is None:
        st.caption("Step to the Backward stage of a G update: the gradient that D sends into each fake appears here.")
        return
    draw_gradient(view.fake, view.sample_gradient, "walk_sample_gradient_large")


def draw_gradient(fakes: Values, gradient: Values, key: str) -> None:
    """Draw −∂loss_g/∂x over the fakes, and say how to read it."""
    if not np.isfinite(gradient).all():
        st.caption("−∂loss_g/∂x of these fakes is not finite, so D tells G nothing that it could use.")
        return
    if not gradient.any():
        st.caption("−∂loss_g/∂x is 0 in all of these fakes: D tells G nothing about them.")
        return
    how = (
        "the orange line shows how the fake would have to move."
        if fakes.shape[1:] == (2,)
        else ":orange[orange] pixels would have to grow brighter, :blue[blue] ones darker."
    )
    st.caption(f"−∂loss_g/∂x over each fake: for loss_g to fall, {how}")
    pngs = sample_gradient_pngs(fakes, gradient)
    gallery(pngs, [""] * len(pngs), "Fake with −∂loss_g/∂x", key)
