"""What every page has: the order-sensitive work of a script run, the transport bar, its message and its status."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.charts.explain import status_line
from dashboard.components.live import dated, status
from dashboard.controls import transport
from dashboard.live.watch import Watch, follow, layout_version
from dashboard.panels.base import Payload
from dashboard.session import address, run
from dashboard.session.state import current_run
from dashboard.views.message import draw_message
from dashboard.views.panels import view_options
from gan_core.runs.protocol import Report

STATUS = "status"


@dataclass(frozen=True)
class Page:
    """One page.

    ``draw``: its body. ``hint``: what to do next, as rich text. ``buttons``: its transport bar. ``has_controls``: it shows
    the settings, and so what is wrong with them and which wait for Reset; a page without them begins the default run where
    the settings are impossible. ``has_panels``: updates bring the payloads of ``PANELS``.
    """

    title: str
    url_path: str
    draw: Callable[[run.PageState], None]
    hint: Callable[[Report], Payload]
    buttons: Callable[[run.PageState], None]
    default: bool = False
    has_controls: bool = False
    has_panels: bool = False

    def show(self) -> None:
        """Run the page's script: bring the run to the settings, then draw everything from one report.

        The status comes first: the browser then drops an answer that is older than what the panels show. The message comes
        last: whoever reads it can use everything above it.
        """
        address.arrive()
        state = run.refresh(needs_run=not self.has_controls)
        address.remember_in_address()
        message, place = transport.bar(self.buttons, state)
        with place:
            self._draw_status(state.report)
        self.draw(state)
        with message:
            draw_message(state, self.hint(state.report), self.has_controls)

    def _draw_status(self, report: Report) -> None:
        """Draw where the run stands, and have the page's script follow it from now on."""
        current = current_run()
        watch = Watch(self.url_path, layout_version(report), view_options())
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
            status(dated(status_line(report.snapshot)), follow(current.id, watch) if current else None, STATUS)
            if report.snapshot is not None:
                st.markdown("", width="content", help=report.snapshot.computing)
