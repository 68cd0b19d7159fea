"""The Train page: the model with its settings, the losses, the scores and the pictures, live."""

from typing import Any

import streamlit as st

from dashboard import live, session, take_home, transport
from dashboard.charts import lines
from dashboard.charts.pictures import grid_png
from dashboard.controls import model
from gan_core.config import GANConfig
from gan_core.runs.protocol import Report

SHAPE = (28, 28)  # of a sample, until the run says its own
LOSS_NOTES = {
    "bce": "At ln 2 = 0.693 D can't tell real from fake (its halves are averaged). Thick: running mean."
    " A rising G loss alone is no failure.",
    "bce_saturating": "At ln 2 = 0.693 D can't tell real from fake. G minimises log(1 - D(G(z))): below 0, flat while D is sure.",
    "least_squares": "At 0.25 D can't tell real from fake (its two halves are averaged). Targets: 1 for real, 0 for fake.",
    "wasserstein_gp": "D loss is D(G(z)) - D(x) plus the penalty; minus it estimates the distance. No fixed balance for G.",
}
SCORE_NOTES = {
    "bce": "What D says on average, as a probability: of real samples, and of fakes before and after G's step.",
    "other": "What D says on average: its raw output, for real samples and for fakes before and after G's step.",
}


def page() -> None:
    """Draw the page."""
    session.arrive()
    slots = model.cards()
    panels = _panels()
    settings = session.settings()
    waiting = session.reconcile(settings.config) if settings.config is not None else ()
    settings = session.settings()  # again: what has just been refused is said in it
    report = session.report()
    session.remember_in_address()
    config = settings.config or (report.snapshot.config if report.snapshot else GANConfig())
    model.fill(slots, config, report.snapshot.shape if report.snapshot else SHAPE)
    _notes(panels, config)
    message, status = transport.bar(report, settings, waiting)
    places = live.Places(
        message,
        status,
        slots.samples,
        slots.progress,
        slots.scores,
        panels["losses"],
        panels["scores"],
        panels["fakes"],
        panels["reals"],
    )
    axes = session.value("axes", [])
    shown = live.Shown.of(report, waiting, settings.problems, session.progress() is not None)
    chart_axes = lines.Axes("log x" in axes, "log y" in axes)
    live.watch(shown, lambda report: live.draw(report, places, shown, chart_axes))
    take_home.section(report)


def _panels() -> dict[str, Any]:
    """The row below the model: two charts, and the fakes beside real samples."""
    grid = st.grid(3, min_column_width=300, gap="small")
    made: dict[str, Any] = {}
    with grid.cell(column_span=2):
        for column, name in zip(st.columns(2), ("losses", "scores"), strict=True):
            with column, st.container(border=True, gap="xxsmall", height="stretch"):
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"**{name.capitalize()}**")
                    if name == "losses":
                        _axes()
                made[f"{name}_note"], made[name] = st.container(), st.container()
    with grid.cell(), st.container(border=True, gap="xxsmall", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Pictures**")
            st.button(
                "Fresh noise",
                key="fresh_noise",
                on_click=transport.fresh_noise,
                type="tertiary",
                icon=":material/refresh:",
            )
            if st.button("Larger", key="larger", type="tertiary", icon=":material/open_in_full:"):
                _larger()
        for column, name, title in zip(
            st.columns(2), ("fakes", "reals"), (":primary[Fakes], same noise", ":blue[Real]"), strict=True
        ):
            with column:
                st.markdown(f":small[{title}]")
                made[name] = st.container()
        st.caption(
            "Each place keeps its noise, so you watch one picture grow. BatchNorm uses its running statistics here."
        )
    return made


def _axes() -> None:
    st.segmented_control(
        "Axes", ("log x", "log y"), selection_mode="multi", key="axes", label_visibility="collapsed",
        help="Logarithmic axes; both off is linear. log x is for both charts, log y for the losses.",
    )  # fmt: skip


def _notes(panels: dict[str, Any], config: GANConfig) -> None:
    panels["losses_note"].caption(LOSS_NOTES[config.loss])
    panels["scores_note"].caption(SCORE_NOTES["bce" if config.loss.startswith("bce") else "other"])


@st.dialog("Pictures", width="large")
def _larger() -> None:
    report: Report = session.report()
    if report.snapshot is None:
        st.markdown("There are no pictures yet.")
        return
    st.caption(f"Fakes at iteration {report.snapshot.pictures_iteration:,}, and real ones below.")
    st.image(grid_png(report.snapshot.fake, 3), width="stretch", alt="Fakes, enlarged")
    st.image(grid_png(report.snapshot.real, 3), width="stretch", alt="Real samples, enlarged")
