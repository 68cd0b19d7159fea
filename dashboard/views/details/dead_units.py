"""Dead units: the share of each layer's units that are off for the whole batch."""

import streamlit as st

from dashboard.charts import update as charts
from dashboard.components.live import plot
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw the shares as bars, and what they mean at this slope."""
    view = snapshot.walk
    layers = [] if view is None else charts.inactive_layers(view)
    if view is None or not layers:
        st.caption("Step to a Fakes stage: the share of units that are off for the whole batch appears here.")
        return
    st.caption(charts.explain_inactive(layers, view.config.leaky_slope))
    figure = charts.inactive_bars(view)
    if figure is not None:
        plot(charts.payload(figure), "Units that are off", "walk_off", charts.BARS_HEIGHT)
