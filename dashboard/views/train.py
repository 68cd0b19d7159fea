"""The Train page: the model with its settings, the losses, the scores and the images, live."""

import streamlit as st

from dashboard import feed, live, parts
from dashboard.charts.lines import Axes
from dashboard.charts.points import SHOWN_FIRST
from dashboard.controls import model, transport
from dashboard.session import address, run
from dashboard.session.state import value
from dashboard.views import downloads, panels
from gan_core.images import samples_png
from gan_core.runs.protocol import Report


def page() -> None:
    """Draw the page."""
    address.arrive()
    state = run.refresh()
    address.remember_in_address()
    report = state.report
    message, status = transport.bar(transport.train_buttons, state)
    axes = value("axes", [])
    look = parts.Look(Axes("log x" in axes, "log y" in axes), tuple(value("layers", SHOWN_FIRST)))
    watch = feed.Watch("train", feed.Drawn.of(report), look)
    live.bar(report, watch, live.Notices(state.waiting, state.settings.problems, state.preparing), message, status)
    cards = model.cards(state)
    points = report.snapshot is not None and report.snapshot.shape == (2,)
    drawn = panels.draw(points, lambda: _larger(report))
    panels.notes(drawn, state.config)
    live.panels(report, live.Places(cards["samples"], cards["discriminator"], drawn), look)
    downloads.section(report)


@st.dialog("Pictures", width="large")
def _larger(report: Report) -> None:
    if report.snapshot is None:
        st.markdown("There are no pictures yet.")
        return
    st.caption(f"Fakes at iteration {report.snapshot.pictures_iteration:,}, and real ones below.")
    st.image(samples_png(report.snapshot.fake, scale=3), width="stretch", alt="Fakes, enlarged")
    st.image(samples_png(report.snapshot.real, scale=3), width="stretch", alt="Real samples, enlarged")
