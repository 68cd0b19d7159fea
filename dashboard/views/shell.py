"""What every page has: the order-sensitive work of a script run, the row of buttons, the message and the status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.charts.explain import status_line
from dashboard.charts.rich_text import icon, rich_text
from dashboard.components.live import dated, status
from dashboard.live.watch import Watch, follow, layout_version
from dashboard.panels.base import Payload
from dashboard.session import address, run
from dashboard.session.state import begin_script_run, current_run, drawn, tab, value
from dashboard.views.message import draw_hint, draw_notice, draw_task
from dashboard.views.panels import view_options
from gan_core.runs.protocol import Report

STATUS = "status"
CLOCK = "The clock counts the seconds of computing, without waiting."
PROJECTOR = """<style>
html {font-size: clamp(16px, 1.25vw, 26px) !important} /* everything on the page follows this size */
:is(.st-key-start, .st-key-pause), :is(.st-key-start, .st-key-pause) button {width: 7.2rem !important}
.st-key-cell_generator .label {width: 4.9rem; white-space: normal} /* its slider needs the width */
:is(.st-key-generator_batch_norm, .st-key-discriminator_batch_norm) [data-testid="stTooltipIcon"] {display: none}
.st-key-links {padding-right: 8px}
[data-testid="stMainBlockContainer"] {--room: calc(100vh - 18.9rem - var(--notice, 0px) - var(--task, 0px)) !important}
.st-key-walk_page {--pane: max(380px, 100vh - 138px - 4.9 * var(--text)) !important}
.st-key-cell_noise .note {white-space: normal}
.st-key-text_measures .live, .st-key-dataset :is(input, div) {font-size: 0.8rem !important} /* one line */
:is(.st-key-plot_scores, .st-key-plot_accuracy) {margin-top: 0} /* their legends need the width of their headings */
@media (max-width: 1599px) {
  .st-key-top [data-testid="stPopover"] [data-testid="stMarkdownContainer"] {position: absolute; clip-path: inset(50%)}
}
</style>"""

Links = Mapping[str, Any]  # url_path → what st.page_link opens


@dataclass(frozen=True)
class Page:
    """One page.

    ``draw``: its body. ``hint``: what to do next, as rich text. ``buttons``: its transport. ``has_controls``: it shows the
    settings, and so what is wrong with them and which wait for Reset; a page without them begins the default run where the
    settings are impossible. ``has_panels``: updates bring the payloads of ``PANELS``.
    """

    title: str
    url_path: str
    draw: Callable[[run.PageState], None]
    hint: Callable[[Report], Payload]
    buttons: Callable[[run.PageState], None]
    default: bool = False
    has_controls: bool = False
    has_panels: bool = False

    def show(self, links: Links) -> None:
        """Run the page's script: bring the run to the settings, then draw everything from one report.

        The status comes before the panels: the browser then drops an answer that is older than what they show.
        """
        begin_script_run()
        address.arrive()
        state = run.refresh(needs_run=not self.has_controls)
        address.remember_in_address()
        if value("projector"):
            st.html(PROJECTOR)
        with st.container(key="page", gap="xxsmall"):
            with st.container(key="top", horizontal=True, vertical_alignment="center", gap="xxsmall"):
                st.html("<h1>GAN</h1>", width="content")
                with st.container(key="links", horizontal=True, width="content", gap="xxsmall"):
                    for page in links.values():
                        st.page_link(page)
                self.buttons(state)
            with st.container(key="line", horizontal=True, vertical_alignment="center", gap="small"):
                with st.container(key="message"):
                    draw_hint(self._hint(state))
                with st.container(key="stand", width="content"):
                    self._draw_status(state.report)
            draw_task(tab().lesson.task)
            draw_notice(state, self.has_controls)
            self.draw(state)
        drawn()

    def _hint(self, state: run.PageState) -> Payload:
        """Return what to do next; not to press Start where that is disabled, which the notice below explains."""
        if self.has_controls and not state.can_train and state.report.state == "paused":
            return rich_text(icon("edit"), " Start and Step wait for settings that a run can have.")
        return self.hint(state.report)

    def _draw_status(self, report: Report) -> None:
        """Draw where the run stands, and have the page's script follow it from now on."""
        current = current_run()
        watch = Watch(self.url_path, layout_version(report), view_options())
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xxsmall"):
            status(dated(status_line(report)), follow(current.access.feed, watch) if current else None, STATUS)
            if report.snapshot is not None:
                st.markdown("", width="content", help=f"{report.snapshot.computing} {CLOCK}")
