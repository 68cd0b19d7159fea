"""Dead units: the share of each layer's units that are off for the whole batch."""

import math

import streamlit as st

from dashboard.charts import update as charts
from dashboard.components.live import plot
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the shares as bars, and what they mean at this slope."""
    view = snapshot.walk
    layers = () if view is None else (*view.generator.layers, *view.discriminator.layers)
    shares = [layer.inactive for layer in layers if layer.inactive is not None]
    if view is None or not shares:
        st.caption("Step to a Fakes stage: the share of units that are off for the whole batch appears here.")
        return
    slope = snapshot.config.leaky_slope
    lesson = (
        "A unit that is off for every sample gets no gradient, so it may never recover."
        if slope == 0
        else "LeakyReLU lets a little of every negative value through, so no unit is ever fully off. Set the slope to 0 and"
        " compare."
    )
    st.caption(f"Slope {slope:g}: at most {math.ceil(max(shares) * 100)} % of a layer's units are off. {lesson}")
    plot(charts.payload(charts.inactive_bars(view)), "Units that are off", "walk_off", charts.HEIGHT)
