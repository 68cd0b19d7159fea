"""The Step through page: one update of the run, stage by stage, as the lecture explains it."""

import streamlit as st

from dashboard import theme
from dashboard.charts import update as charts
from dashboard.charts.flow import flow_svg
from dashboard.charts.images import image as image_payload
from dashboard.charts.images import noise_png, single_pngs
from dashboard.charts.listing import loop
from dashboard.charts.rich_text import bold, building, icon, rich_text
from dashboard.charts.stages import STAGES, TITLES, explain_stage, formula
from dashboard.components import gallery, listing
from dashboard.components.live import image, plot
from dashboard.controls.data import download_progress
from dashboard.controls.transport import step_through_buttons
from dashboard.panels.base import Payload
from dashboard.session.run import PageState
from dashboard.views.details import DETAILS
from dashboard.views.shell import Page
from gan_core.config import GANConfig
from gan_core.diagnostics.views import StageView, Values
from gan_core.losses import LOSSES
from gan_core.runs.protocol import Report


def draw(state: PageState) -> None:
    """Draw the stage that was just executed, and the details below it."""
    if state.preparing:
        download_progress()
    snapshot = state.report.snapshot
    if snapshot is None:
        return
    config, view = snapshot.config, snapshot.walk
    st.markdown(f"**{_position(state.report, view)}**")
    st.image(flow_svg(view), width=860, alt="Flow of data: noise, generator, fake and real, discriminator, loss")
    grid = st.grid(2, min_column_width=420, border=True)
    with grid.cell():
        _code(config, view)
    with grid.cell():
        _results(config, view)
    with grid.cell():
        _changes(view)
    with grid.cell():
        _gradients(view)
    for tab, draw_detail in zip(st.tabs(list(DETAILS), key="walk_rooms"), DETAILS.values(), strict=True):
        with tab:
            draw_detail(state.report, snapshot)


def hint(report: Report) -> Payload:
    """Return what can be done next."""
    if report.snapshot is None:
        return building()
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
        icon("directions_walk"),
        " You are stepping through your own run. Stopping between stages does not change the result. ", bold("Run on"),
        " finishes the iteration and continues training.",
    )  # fmt: skip


def _position(report: Report, view: StageView | None) -> str:
    if report.state == "running":
        return "Training runs on. Pause it to step through its next iteration."
    if report.state == "failed" and view is None:
        return "This run has failed. Press Again to begin a new one."
    if view is None:
        return "One iteration from inside. Press Next stage: it executes one stage and shows the result here."
    turn = " and ".join(view.turns[view.turn])
    at = STAGES.index(view.stage) + 1
    return (
        f"Iteration {view.iteration:,} · update {view.turn + 1} of {len(view.turns)} ({turn}) · "
        f"{view.network}, stage {at} of {len(STAGES)}: {TITLES[view.stage]}"
    )


def _code(config: GANConfig, view: StageView | None) -> None:
    st.markdown("**The lecture's loop**")
    lines = [(line.text, view is not None and line.runs(view)) for line in loop(config)]
    colour = theme.DISCRIMINATOR if view is not None and view.network == "D" else theme.GENERATOR
    listing(lines, colour, "walk_code")


def _results(config: GANConfig, view: StageView | None) -> None:
    st.markdown("**What this stage made**")
    if view is None:
        st.caption("Nothing yet.")
        return
    st.markdown(explain_stage(view))
    if view.noise is not None:
        image(image_payload(noise_png(view.noise), "Noise: one row a sample"), "walk_noise")
        st.caption(f"Noise of the first {len(view.noise)} samples, one row each.")
    if view.real is not None:
        _scored(":blue[Real x]", "walk_real", view.real, view.real_logits, config)
    if view.fake is not None:
        _scored(":primary[Fake G(z)]", "walk_fake", view.fake, view.fake_logits, config)
    if text := formula(view):
        st.latex(text)


def _scored(title: str, key: str, samples: Values, logits: Values | None, config: GANConfig) -> None:
    st.markdown(f":small[{title}]")
    captions = [""] * len(samples)
    if logits is not None:
        values = charts.sigmoid(logits) if LOSSES[config.loss].is_probability else logits
        captions = [f"{value:.2f}" for value in values[: len(samples)]]
    gallery(single_pngs(samples), captions, f"{len(samples)} samples with D's score of each", key)


def _changes(view: StageView | None) -> None:
    st.markdown("**What has changed, and what has not**")
    if view is None:
        st.caption("Before the first stage, nothing has changed.")
        return
    rows = [
        f"| {name} | {'None' if network.gradient is None else 'present'} | {charts.number(network.gradient)} |"
        f" {charts.number(network.change)} |"
        for name, network in ((":primary[Generator]", view.generator), (":violet[Discriminator]", view.discriminator))
    ]
    st.markdown("\n".join(["| network | .grad | ‖.grad‖ | ‖Δw‖ since this update began |", "|---|---|---|---|", *rows]))
    st.caption(_lesson(view))
    plot(charts.payload(charts.layer_bars(view, "change")), "Weight changes", "walk_changes", charts.HEIGHT)
    st.caption("How far each layer's weights have moved since this update began.")


def _lesson(view: StageView) -> str:
    own, other = (view.discriminator, view.generator) if view.network == "D" else (view.generator, view.discriminator)
    names = ("D", "G") if view.network == "D" else ("G", "D")
    if len(view.turns[view.turn]) > 1:
        return "Both networks are updated in this turn: first both gradients at the same weights, then both steps."
    if own.change > 0:
        held = " although it holds gradients" if other.gradient is not None else ""
        return f"{names[0]}'s step moved {names[0]}'s weights. {names[1]}'s stay as they are{held}."
    return "No weight has moved yet: only the optimiser's step moves weights."


def _gradients(view: StageView | None) -> None:
    st.markdown("**Gradients, layer by layer**")
    if view is None:
        st.caption("This chart shows what backward() writes into .grad.")
        return
    st.caption("Norm of each layer's .grad. It is None until backward() has filled it, and stays until it is zeroed.")
    plot(charts.payload(charts.layer_bars(view, "gradient")), "Gradient norms", "walk_gradients", charts.HEIGHT)


PAGE = Page(title="Step through", url_path="walk", draw=draw, hint=hint, buttons=step_through_buttons)
