"""The Walk page: one update of the run, stage by stage, as the lecture tells it."""

import math

import streamlit as st

from dashboard import feed, live, theme
from dashboard.charts import update as charts
from dashboard.charts.flow import flow_svg
from dashboard.charts.images import noise_png, sample_gradient_pngs, single_pngs
from dashboard.charts.lecture import STAGES, TITLES, formula, loop, words
from dashboard.components import gallery, listing
from dashboard.components.live import picture, plot
from dashboard.controls import transport
from dashboard.controls.data import download_progress
from dashboard.parts import picture_part
from dashboard.session import address, run
from dashboard.views import laboratory
from gan_core.config import GANConfig
from gan_core.diagnostics.views import NetworkView, StageView, Values
from gan_core.losses import LOSSES
from gan_core.runs.protocol import Report


def page() -> None:
    """Draw the page."""
    address.arrive()
    state = run.refresh(needs_run=True)
    address.remember_in_address()
    report = state.report
    message, status = transport.bar(transport.step_through_buttons, state)
    watch = feed.Watch("walk", feed.Drawn.of(report))
    live.bar(report, watch, live.Notices(preparing=state.preparing), message, status)
    if state.preparing:
        download_progress()
    if report.snapshot is None:
        return
    _walk(report, report.snapshot.config, report.snapshot.walk)


def _walk(report: Report, config: GANConfig, view: StageView | None) -> None:
    st.markdown(f"**{_where(report, view)}**")
    st.image(flow_svg(view), width=860, alt="Flow of data: noise, generator, fake and real, discriminator, loss")
    grid = st.grid(2, min_column_width=420, border=True)
    with grid.cell():
        _code(config, view)
    with grid.cell():
        _made(config, view)
    with grid.cell():
        _changed(view)
    with grid.cell():
        _gradients(view)
    _closer(report, config, view)


def _where(report: Report, view: StageView | None) -> str:
    if report.state == "running":
        return "Training runs on. Pause it to walk through its next iteration."
    if report.state == "failed" and view is None:
        return "This run has failed; Again begins a new one, to walk through or to train."
    if view is None:
        return "One iteration from inside. Press Next stage: each stage is executed, and what it made is shown here."
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


def _made(config: GANConfig, view: StageView | None) -> None:
    st.markdown("**What this stage made**")
    if view is None:
        st.caption("Nothing yet.")
        return
    st.markdown(words(view))
    if view.noise is not None:
        picture(picture_part(noise_png(view.noise), "Noise: one row a sample"), "walk_noise")
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


def _changed(view: StageView | None) -> None:
    st.markdown("**What has changed, and what has not**")
    if view is None:
        st.caption("Before the first stage nothing has.")
        return
    rows = [
        f"| {name} | {'None' if network.gradient is None else 'present'} | {charts.number(network.gradient)} |"
        f" {charts.number(network.change)} |"
        for name, network in ((":primary[Generator]", view.generator), (":violet[Discriminator]", view.discriminator))
    ]
    st.markdown("\n".join(["| network | .grad | ‖.grad‖ | ‖Δw‖ since this update began |", "|---|---|---|---|", *rows]))
    st.caption(_lesson(view))
    plot(charts.layer_bars(view, "change").to_json().encode(), "Weight changes", "walk_changes", charts.HEIGHT)
    st.caption("How far each layer's weights have moved since this update began.")


def _lesson(view: StageView) -> str:
    own, other = (view.discriminator, view.generator) if view.network == "D" else (view.generator, view.discriminator)
    names = ("D", "G") if view.network == "D" else ("G", "D")
    if len(view.turns[view.turn]) > 1:
        return "Both networks are updated in this turn: first both gradients at the same weights, then both steps."
    if own.change > 0:
        held = " although it holds gradients" if other.gradient is not None else ""
        return f"{names[0]}'s step moved {names[0]}'s weights. {names[1]}'s stay as they are{held}."
    return "No weight has moved yet: only the optimiser's step does that."


def _gradients(view: StageView | None) -> None:
    st.markdown("**Gradients, layer by layer**")
    if view is None:
        st.caption("What backward() leaves in .grad comes here.")
        return
    st.caption(
        "Norm of each layer's .grad: None until backward() has filled it, and what an update left lies there on."
    )
    plot(charts.layer_bars(view, "gradient").to_json().encode(), "Gradient norms", "walk_gradients", charts.HEIGHT)


def _closer(report: Report, config: GANConfig, view: StageView | None) -> None:
    """The rooms beside the walk."""
    tabs = st.tabs(
        ["What D tells G", "Saturating or not", "BatchNorm twins", "Dead units", "Detach laboratory"], key="walk_rooms"
    )
    with tabs[0]:
        _sample_gradient(view)
    with tabs[1]:
        _saturating(config, view)
    with tabs[2]:
        _train_eval(config, view)
    with tabs[3]:
        _off(config, view)
    with tabs[4]:
        laboratory.room(report)


def _sample_gradient(view: StageView | None) -> None:
    if view is None or view.sample_gradient is None or view.fake is None:
        st.caption("Walk to the Backward stage of a G update: the gradient that D sends into each pixel appears here.")
        return
    st.caption(
        "−∂loss_g/∂pixel over each fake: :orange[orange] pixels should grow brighter, :blue[blue] ones darker, for D to"
        " take the fake for real. G's weights then move so that they do."
    )
    gallery(
        sample_gradient_pngs(view.fake, view.sample_gradient),
        [""] * len(view.sample_gradient),
        "Which pixels D wants changed",
        "walk_push",
    )


def _saturating(config: GANConfig, view: StageView | None) -> None:
    if not LOSSES[config.loss].is_probability:
        st.caption("These curves belong to cross entropy; this run uses another loss.")
        return
    if view is None or view.fake_logits is None:
        st.caption("Walk to a Scores stage: this batch's scores appear as dots on both curves.")
        return
    plain, saturating = charts.slopes(view.fake_logits)
    st.caption(
        f"Dots: D(G(z)) of this batch. Mean pull on the logits: **{plain:.2f}** with fakes against ones (1 − p), "
        f"**{saturating:.2f}** with the saturating form (p). Where D is sure that fakes are fake, only the first still pulls."
    )
    plot(
        charts.generator_losses(view.fake_logits).to_json().encode(),
        "Generator losses",
        "walk_saturating",
        charts.HEIGHT,
    )


def _train_eval(config: GANConfig, view: StageView | None) -> None:
    if view is None or view.train_eval is None:
        st.caption("Walk to a Fakes stage: the same noise goes through the generator in three ways.")
        return
    twins = view.train_eval
    for title, pictures, key in (
        ("Train mode: normalised by this whole batch, as in training", twins.train, "twins_train"),
        (
            "Eval mode: normalised by the running statistics, as on the Train page and in your download",
            twins.eval,
            "twins_eval",
        ),
        ("Train mode, one at a time", twins.alone, "twins_alone"),
    ):
        st.markdown(f":small[{title}]")
        if pictures is None:
            st.code(twins.refusal, language=None, wrap_lines=True)
        else:
            gallery(single_pngs(pictures), [""] * len(pictures), title, key)
    if twins.drifts:
        rows = [f"| {drift.name} | {drift.mean:.2f} | {drift.deviation:.2f} |" for drift in twins.drifts]
        head = "| layer | mean off by (batch deviations) | running / batch deviation |"
        st.markdown("\n".join([head, "|---|---|---|", *rows]))
        st.caption(
            f"With momentum {config.batch_norm_momentum:g} each batch replaces {config.batch_norm_momentum:.0%} of the"
            " running statistics: the larger it is, the faster they follow and the noisier they are. So eval mode differs a"
            " little from train mode, and differently after each update."
        )
    else:
        st.caption("Without BatchNorm all three are the same: each picture depends on its own noise alone.")


def _off(config: GANConfig, view: StageView | None) -> None:
    networks: tuple[NetworkView, ...] = () if view is None else (view.generator, view.discriminator)
    if view is None or all(layer.off is None for network in networks for layer in network.layers):
        st.caption("Walk to a Fakes stage: the share of units that are off for the whole batch appears here.")
        return
    most = max(layer.off for network in networks for layer in network.layers if layer.off is not None)
    lesson = (
        "A unit that is off for every sample takes no gradient, so it may never come back."
        if config.leaky_slope == 0
        else "LeakyReLU lets a little of every negative value through, so no unit is ever quite off. Set the slope to 0 and"
        " look again."
    )
    st.caption(f"Slope {config.leaky_slope:g}: at most {math.ceil(most * 100)} % of a layer's units are off. {lesson}")
    plot(charts.off_bars(view).to_json().encode(), "Units that are off", "walk_off", charts.HEIGHT)
