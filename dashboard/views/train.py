"""The Train page: the model with its settings, the live panels, the downloads."""

from typing import Any

import streamlit as st

from dashboard.charts.diagnosis import reading
from dashboard.charts.points import LAYERS, SHOWN_FIRST
from dashboard.charts.rich_text import (
    bold,
    building,
    emphasised,
    icon,
    in_turns,
    no_run,
    pausing,
    queued,
    rebuilding,
    rich_text,
    why,
)  # fmt: skip
from dashboard.charts.stages import TITLES, summarise_stage
from dashboard.controls import data, model
from dashboard.controls.transport import train_buttons
from dashboard.panels import points, shown_panels
from dashboard.panels.base import Payload
from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.views.panels import LivePanels
from dashboard.views.shell import Page
from gan_core.diagnostics.views import StageView
from gan_core.plurals import counted
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(state: PageState) -> None:
    """Draw the model, then the samples beside the charts, so that all of it is seen at once."""
    panels = LivePanels(state)
    model.strip(state, panels.mount_cell)
    with st.container(key="body"):
        samples, charts = st.columns([0.38, 0.62] if panels.points else 2, gap="small")
        with samples:
            _samples(panels)
        with charts:
            _charts(panels)
    for panel in shown_panels(panels.shape, "below"):
        panels.mount(panel)


def hint(report: Report) -> Payload:
    """Return how the training stands and what can be done next."""
    snapshot = report.snapshot
    if report.state == "starting" or (snapshot is None and report.state != "failed"):
        return building()
    if snapshot is None:
        return no_run()
    if report.state == "failed":
        return rich_text(
            icon("stop_circle"), f" This run has ended at iteration {snapshot.iteration:,}. ", bold("Start again"),
            " begins a new one with the settings above the images.",
        )  # fmt: skip
    if report.pausing:
        return pausing(snapshot.iterations_per_second)
    if snapshot.rebuilding is not None:
        return rebuilding(snapshot.iteration, snapshot.rebuilding.iterations)
    if report.state == "running":
        if snapshot.speed.slow_motion and snapshot.walk is not None:
            return slow_motion(snapshot.walk)
        if report.place is not None and report.place.ahead and not snapshot.trained:
            return queued(report.place)
        goal = f" To {snapshot.until.goal}." if snapshot.until else ""
        goal += f" {in_turns(report.place)}" if report.place is not None else ""
        found = reading(snapshot)
        if found is None:
            return rich_text(icon("insights"), f"{goal} Training. Change a setting and watch what it does.")
        return rich_text(icon("insights"), f"{goal} {found.text}", why(found.why))
    if snapshot.stopped:
        return rich_text(icon("flag"), f" {snapshot.stopped} ", bold("Start"), " trains on.")
    if snapshot.walk is not None and snapshot.walk.iteration > snapshot.iteration:
        return rich_text(
            icon("directions_walk"), f" Paused inside iteration {snapshot.walk.iteration:,}, after ",
            bold(TITLES[snapshot.walk.stage]), f" of {snapshot.walk.network}. The buttons here finish it; ",
            bold("Step through"), " goes on stage by stage.",
        )  # fmt: skip
    if snapshot.singles and snapshot.singles[-1].iteration == snapshot.iteration:
        return _single_update(snapshot)
    if found := reading(snapshot):
        return rich_text(icon("pause_circle"), f" Paused. {found.text}", why(found.why))
    if snapshot.iteration == 0 and snapshot.generator_from is not None:
        return rich_text(
            icon("upload_file"), " This generator comes from a file and has trained ",
            f"{counted(snapshot.generator_from, 'iteration')}. The discriminator is new. ", bold("Start"), " trains both on.",
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


def _single_update(snapshot: Snapshot) -> Payload:
    """Return what the last update of one network alone was, and how many of each there were."""
    last = snapshot.singles[-1]
    other = "G's" if last.network == "D" else "D's"
    return rich_text(
        icon("pause_circle"), " One update of ", bold(last.network), f" alone: its loss was {last.loss:.4g}, and {other} weights"
        f" stayed as they were ({snapshot.updates_d:,} D and {snapshot.updates_g:,} G updates so far).",
    )  # fmt: skip


def slow_motion(view: StageView) -> Payload:
    """Return which stage of an update was just executed, and what it means."""
    updated = " and ".join(view.turns[view.turn])
    return rich_text(
        icon("slow_motion_video"), f" Iteration {view.iteration:,}, update {view.turn + 1} of {len(view.turns)} ({updated}): ",
        bold(TITLES[view.stage]), ". ", *emphasised(summarise_stage(view)),
    )  # fmt: skip


def _charts(panels: LivePanels) -> None:
    """Draw the wide charts, and the others side by side below them."""
    with st.container(key="charts", gap="xxsmall"):
        for panel in shown_panels(panels.shape, "wide charts"):
            with st.container(key="losses_head", horizontal=True, vertical_alignment="center", width="content"):
                panels.title(panel)
                st.pills(
                    "Axes of the losses", ("log x", "log y"), selection_mode="multi", key="axes",
                    label_visibility="collapsed", persist_state="session",
                )  # fmt: skip
            panels.mount(panel)
        below = shown_panels(panels.shape, "charts")
        for column, panel in zip(st.columns(len(below), gap="small"), below, strict=True):
            with column, st.container(gap="xxsmall"):
                panels.mount_titled(panel)


def _samples(panels: LivePanels) -> None:
    """Draw fakes beside real images at the same scale, or 2-D data with the choice of its layers."""
    shown = shown_panels(panels.shape, "samples")
    with st.container(key="samples", gap="xxsmall"):
        if panels.points:
            with _head():
                with st.container(
                    horizontal=True, wrap=False, vertical_alignment="center", gap="xxsmall", width="content"
                ):
                    st.pills(
                        "Layers", list(LAYERS), selection_mode="multi", default=SHOWN_FIRST, format_func=LAYERS.__getitem__,
                        key="layers", label_visibility="collapsed", persist_state="session",
                    )  # fmt: skip
                    captions = [panel.caption(panels.config) for panel in (points.CHART, points.MEASURES)]
                    st.markdown("", help="\n\n".join(captions), width="content")
                _fresh_noise()
            with st.container(key="view", gap=None):
                panels.mount(points.CHART)
                data.drawing_canvas()
            panels.mount(points.MEASURES)
            return
        with st.container(key="images", horizontal=True, wrap=False, gap="small"):
            for panel in shown:
                with st.container(key=f"column_{panel.key}", gap="xxsmall"):
                    with _head():
                        panels.title(panel)
                        if panel.updated:
                            _fresh_noise()
                    panels.mount(panel)


def _head() -> Any:
    return st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xxsmall", wrap=False
    )


def _fresh_noise() -> None:
    st.button(
        "Fresh noise", "fresh_noise", on_click=commands.fresh_noise, type="tertiary", icon=":material/refresh:",
        help="Show what the generator makes of other noise. Training is not affected.",
    )  # fmt: skip


PAGE = Page("Train", "train", draw, hint, train_buttons, default=True, has_controls=True, has_panels=True)
