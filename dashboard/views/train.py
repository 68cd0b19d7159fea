"""The Train page: the model with its settings, the losses, the scores and the pictures, live."""

import streamlit as st

from dashboard import downloads, feed, live, payloads, session, transport
from dashboard.charts.lines import Axes
from dashboard.charts.points import SHOWN_FIRST
from dashboard.controls import model
from dashboard.views import panels
from gan_core.config import GANConfig
from gan_core.images import samples_png
from gan_core.runs.protocol import Report


def page() -> None:
    """Draw the page."""
    session.arrive()
    slots = model.cards()
    settings = session.settings()
    waiting = session.reconcile(settings.config) if settings.config is not None else ()
    settings = session.settings()  # again: what has just been refused is said in it
    report = session.report()
    session.remember_in_address()
    config = settings.config or (report.snapshot.config if report.snapshot else GANConfig())
    points = report.snapshot is not None and report.snapshot.shape == (2,)
    drawn = panels.draw(points, _larger)
    panels.notes(drawn, config)
    model.fill(slots, config, report.snapshot)
    message, status = transport.bar(report, settings, waiting)
    axes = session.value("axes", [])
    options = payloads.ViewOptions(Axes("log x" in axes, "log y" in axes), tuple(session.value("layers", SHOWN_FIRST)))
    watch = feed.Watch("train", feed.layout_version(report), options)
    preparing = session.preparing()
    live.bar(report, watch, live.Notices(waiting, settings.problems, preparing), message, status)
    live.panels(report, live.Placeholders(slots.samples, slots.scores, drawn), options)
    if preparing:
        with slots.progress:
            live.preparing()
    downloads.section(report)


@st.dialog("Pictures", width="large")
def _larger() -> None:
    report: Report = session.report()
    if report.snapshot is None:
        st.markdown("There are no pictures yet.")
        return
    st.caption(f"Fakes at iteration {report.snapshot.pictures_iteration:,}, and real ones below.")
    st.image(samples_png(report.snapshot.fake, scale=3), width="stretch", alt="Fakes, enlarged")
    st.image(samples_png(report.snapshot.real, scale=3), width="stretch", alt="Real samples, enlarged")
