"""The Step through page: one update of the run, stage by stage, as the lecture explains it."""

from functools import cache
from pathlib import Path

import streamlit as st

from dashboard import theme
from dashboard.charts.flow import flow_html
from dashboard.charts.listing import laboratory_loop, loop
from dashboard.charts.rich_text import bold, building, icon, no_run, pausing, rebuilding, rich_text
from dashboard.charts.stages import STAGES, TITLES
from dashboard.components import listing
from dashboard.controls.transport import step_through_buttons
from dashboard.panels.base import Payload
from dashboard.session.run import PageState
from dashboard.views.details import DETAILS, LABORATORY
from dashboard.views.details.laboratory import switches
from dashboard.views.shell import Page
from gan_core.diagnostics.views import StageView
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(state: PageState) -> None:
    """Draw where the run is, the code, and beside it what the last stage made or one of the details."""
    snapshot = state.report.snapshot
    if snapshot is None:
        return
    st.html(_style())
    with st.container(key="walk_page", gap="xsmall"):
        # The position stands at the bottom: a tooltip of the buttons reaches down to there.
        with st.container(key="walk_head", horizontal=True, vertical_alignment="bottom", gap="small"):
            st.markdown(f"**{_position(state.report, snapshot.walk)}**", width="stretch")
            st.html(flow_html(snapshot.walk), width="content")
        with st.container(key="walk_body"):
            code, details = st.columns([42, 58], gap="small")
        with details:
            detail = _details(state.report, snapshot)
        with code:
            _code(snapshot, detail)


@cache
def _style() -> str:
    return f"<style>{Path(__file__).with_suffix('.css').read_text(encoding='utf-8')}</style>"


def hint(report: Report) -> Payload:
    """Return what can be done next."""
    if report.snapshot is None and report.state != "failed":
        return building()
    if report.snapshot is None:
        return no_run()
    if report.state == "failed":
        return rich_text(icon("stop_circle"), " This run has ended. ", bold("Start again"), " begins a new one.")
    if report.pausing:
        return pausing(report.snapshot.iterations_per_second)
    if report.snapshot.rebuilding is not None:
        return rebuilding(report.snapshot.iteration, report.snapshot.rebuilding.iterations)
    if report.state == "running":
        return rich_text(
            icon("insights"), " Training runs on. ", bold("Pause"), " it to step through its next iteration."
        )
    if report.snapshot.walk is None:
        return rich_text(
            icon("directions_walk"), " ", bold("Next stage"),
            " begins an iteration of your run and stops after its first stage.",
        )  # fmt: skip
    return rich_text(
        icon("directions_walk"), " Stopping between stages does not change the result. ", bold("Run on"),
        " finishes the iteration and trains on.",
    )  # fmt: skip


def _position(report: Report, view: StageView | None) -> str:
    if report.state == "running":
        return "One iteration from inside"
    if report.state == "failed" and view is None:
        return "This run has failed. Press Start again to begin a new one."
    if view is None:
        return "One iteration from inside. Press Next stage: it executes one stage and shows the result here."
    turn = " and ".join(view.turns[view.turn])
    at = STAGES.index(view.stage) + 1
    return (
        f"Iteration {view.iteration:,} · update {view.turn + 1} of {len(view.turns)} ({turn}) · "
        f"{view.network}, stage {at} of {len(STAGES)}: {TITLES[view.stage]}"
    )


def _details(report: Report, snapshot: Snapshot) -> str:
    """Draw the open tab only, and return its name: a chart in a closed one would be drawn without a width."""
    tabs = st.tabs(list(DETAILS), key="walk_tabs", on_change="rerun")
    opened = ""
    for tab, (name, draw_detail) in zip(tabs, DETAILS.items(), strict=True):
        if tab.open:
            opened = name
            with tab, st.container(gap="xsmall"):
                draw_detail(report, snapshot)
    return opened


def _code(snapshot: Snapshot, detail: str) -> None:
    """Draw the loop with the lines of the last stage lit, or the code that the laboratory executes."""
    view = snapshot.walk
    if detail == LABORATORY:
        st.html("<h2>The laboratory's code; lit: what your switches change</h2>")
        listing(laboratory_loop(snapshot.config, switches()), theme.REAL, "lab_code")
        return
    st.html("<h2>The lecture's loop, with this run's settings</h2>")
    config = snapshot.config if view is None else view.config
    lines = [(line.text, view is not None and line.runs(view)) for line in loop(config)]
    colour = theme.DISCRIMINATOR if view is not None and view.network == "D" else theme.GENERATOR
    listing(lines, colour, "walk_code")


PAGE = Page(title="Step through", url_path="walk", draw=draw, hint=hint, buttons=step_through_buttons)
