"""The Train page: the model with its settings, the live panels, the downloads."""


import streamlit as st

from dashboard.charts.explain import reading
from dashboard.charts.points import LAYERS, SHOWN_FIRST
from dashboard.charts.rich_text import bold, building, icon, rich_text
from dashboard.controls import model
from dashboard.controls.transport import train_buttons
from dashboard.panels import shown_panels
from dashboard.panels.base import Payload
from dashboard.session.run import PageState
from dashboard.views.panels import LivePanels
from dashboard.views.shell import Page
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(state: PageState) -> None:
    """Draw the model, then the samples beside the charts, so that all of it is seen at once."""
    panels = LivePanels(state)
    model.strip(state, panels.mount_cell)
    with st.container(key="body"):
        samples, charts = st.columns([0.38, 0.62] if panels.points else 2, gap="small")
        with samples:
            _samples(panels, state.report.snapshot)
        with charts:
            _charts(panels)


def hint(report: Report) -> Payload:
    """Return how the training stands and what can be done next."""
    snapshot = report.snapshot
    if report.state == "starting" or snapshot is None:
        return building()
    if report.state == "running":
        said = reading(snapshot) or "Training. Change a setting and watch what it does."
        return rich_text(icon("insights"), f" {said}")
    if snapshot.walk is not None and snapshot.walk.iteration > snapshot.iteration:
        return rich_text(
            icon("directions_walk"), f" Paused inside iteration {snapshot.walk.iteration:,}, which the ",
            bold("Step through"), " page has begun. Every button here finishes that iteration first.",
        )  # fmt: skip
    if snapshot.iteration == 0 and not snapshot.singles:
        return rich_text(
            icon("play_circle"), " Press ", bold("Start"),
            ". An untrained generator makes these fakes from noise; they change within seconds.",
        )  # fmt: skip
    return rich_text(
        icon("pause_circle"), " Paused. ", bold("Start"), " continues, ", bold("Step"), " does one iteration, ",
        bold("D step"), " and ", bold("G step"), " train one network only"
        f" ({snapshot.updates_d:,} D and {snapshot.updates_g:,} G updates so far).",
    )  # fmt: skip


def _charts(panels: LivePanels) -> None:
    """Draw the wide charts, and the others side by side below them."""
    with st.container(key="charts", gap="xxsmall"):
        for panel in shown_panels(panels.shape, "wide charts"):
            panels.mount_titled(panel)
        below = shown_panels(panels.shape, "charts")
        for column, panel in zip(st.columns(len(below), gap="small"), below, strict=True):
            with column, st.container(gap="xxsmall"):
                panels.mount_titled(panel)


def _samples(panels: LivePanels, snapshot: Snapshot | None) -> None:
    """Draw fakes beside real images at the same scale, or 2-D data with the choice of its layers."""
    shown = shown_panels(panels.shape, "samples")
    with st.container(key="samples", gap="xxsmall"):
        if panels.points:
            st.pills(
                "Layers", list(LAYERS), selection_mode="multi", default=SHOWN_FIRST, format_func=LAYERS.__getitem__,
                key="layers", label_visibility="collapsed", persist_state="session",
            )  # fmt: skip
            for panel in shown:
                panels.mount(panel)
            return
        with st.container(key="images", horizontal=True, wrap=False, gap="small"):
            for panel in shown:
                with st.container(key=f"column_{panel.key}", gap="xxsmall"):
                    panels.mount_titled(panel)


@st.dialog("Pictures", width="large")
def _larger(snapshot: Snapshot | None) -> None:
    if snapshot is None:
        st.markdown("There are no pictures yet.")
        return
    st.caption(f"Fakes at iteration {snapshot.samples_iteration:,}, and real ones below.")
    st.image(samples_png(snapshot.fake, scale=3), width="stretch", alt="Fakes, enlarged")
    st.image(samples_png(snapshot.real, scale=3), width="stretch", alt="Real samples, enlarged")


PAGE = Page("Train", "train", draw, hint, train_buttons, default=True, has_controls=True, has_panels=True)
