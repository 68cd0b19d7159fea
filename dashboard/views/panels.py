"""Live panels, mounted on the page."""

import streamlit as st

from dashboard.charts.lines import Axes
from dashboard.charts.points import SHOWN_FIRST
from dashboard.components.live import cells, dated, image, plot, text, time_slider
from dashboard.panels import page_payloads, shown_panels
from dashboard.panels.base import SHAPE, Panel, Place, ViewOptions, for_points
from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.session.state import value
from gan_core.config import GANConfig


def view_options() -> ViewOptions:
    """Return how the learner wants to see the run, from the widgets for it."""
    axes = value("axes", [])
    return ViewOptions(Axes("log x" in axes, "log y" in axes), tuple(value("layers", SHOWN_FIRST)))


class LivePanels:
    """The panels of one script run of the page; their payloads are made once."""

    def __init__(self, state: PageState) -> None:
        snapshot = state.report.snapshot
        self.config: GANConfig = state.config
        self.shape = SHAPE if snapshot is None else snapshot.shape
        self.points = for_points(self.shape)
        self._payloads = {} if snapshot is None else page_payloads(snapshot, view_options())

    def mount(self, panel: Panel) -> None:
        """Draw one panel, or a skeleton until the run has a snapshot."""
        payload = self._payloads.get(panel.key)
        if payload is None:
            if panel.height:
                st.skeleton(panel.height)
            return
        if panel.updated:
            payload = dated(payload)
        if panel.kind == "plot":
            plot(payload, panel.title, panel.key, panel.css_height, panel.square)
        elif panel.kind == "time":
            time_slider(payload, panel.key, commands.branch)
        elif panel.kind == "cells":
            cells(payload, panel.key)
        elif panel.kind == "image":
            image(payload, panel.key, panel.source, self.shape[0] if panel.source else 0)
        else:
            text(payload, panel.key, panel.small)

    def title(self, panel: Panel) -> None:
        """Draw a panel's title, as a heading; how to read the panel is in its tooltip."""
        st.header(panel.title, anchor=False, help=panel.caption(self.config) or None, width="content")

    def mount_titled(self, panel: Panel) -> None:
        """Draw one panel below its title."""
        self.title(panel)
        self.mount(panel)

    def mount_cell(self, place: Place) -> None:
        """Draw the panels of a cell of the model: one below the other, or side by side for points, which need less width."""
        panels = shown_panels(self.shape, place)
        row = st.grid(len(panels), min_column_width=60, wrap=False, gap="small") if self.points else None
        for panel in panels:
            with row.cell() if row else st.container(gap=None):
                self.mount(panel)
