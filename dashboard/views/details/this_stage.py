"""This stage: what the stage that was just executed has made, and only that."""

import streamlit as st

from dashboard.charts import update as charts
from dashboard.charts.images import image as image_payload
from dashboard.charts.images import noise_png, single_pngs
from dashboard.charts.stages import CHANGES, explain_changes, explain_stage, formula
from dashboard.components import gallery
from dashboard.components.live import image, plot
from dashboard.views.details.sample_gradient import draw_gradient
from gan_core.diagnostics.views import StageView, Values
from gan_core.losses import LOSSES
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot

_WHAT = {
    "gradients": ("gradient", "Length of each layer's gradient, ‖.grad‖"),
    "update": ("change", "How far each layer's weights have moved in this update, ‖Δw‖"),
}


def draw(report: Report, snapshot: Snapshot) -> None:
    """Draw what the last stage has made."""
    view = snapshot.walk
    if view is None:
        st.caption("What a stage makes appears here: noise, fakes, scores, the loss, gradients, moved weights.")
        return
    st.markdown(explain_stage(view))
    if view.stage in CHANGES:
        _changes(view)
    else:
        {"noise": _noise, "fake": _fakes, "scores": _scores, "loss": _loss}[view.stage](view)


def _noise(view: StageView) -> None:
    if view.real is not None:
        _samples(":blue[Real x]", "walk_real", view.real)
    assert view.noise is not None, "each update begins with its noise"
    st.caption(f"Noise z of the first {len(view.noise)} samples: a row for each, grey from −3 (black) to 3 (white).")
    image(image_payload(noise_png(view.noise), "Noise: one row a sample"), "walk_noise")


def _fakes(view: StageView) -> None:
    assert view.fake is not None, "this stage has made them"
    _samples(":primary[Fake G(z)]", "walk_fakes", view.fake)


def _scores(view: StageView) -> None:
    if view.real is not None and view.real_logits is not None:
        _samples(":blue[Real x]", "walk_real", view.real, _scored(view, view.real_logits), "D(x)")
    if view.fake is not None and view.fake_logits is not None:
        _samples(":primary[Fake G(z)]", "walk_fake", view.fake, _scored(view, view.fake_logits), "D(G(z))")


def _scored(view: StageView, logits: Values) -> Values:
    return charts.sigmoid(logits) if LOSSES[view.config.loss].is_probability else logits


def _samples(title: str, key: str, samples: Values, scores: Values | None = None, symbol: str = "") -> None:
    """Draw the first samples of the batch, each above its score; ``scores`` are the whole batch's."""
    shown = f"the first {len(samples)}" + (", points in [−1, 1]²" if samples.shape[1:] == (2,) else "")
    captions = [""] * len(samples)
    if scores is not None:
        shown += f", with their scores; mean {symbol} of all {len(scores)}: {_score(scores.mean())}"
        captions = [_score(score) for score in scores[: len(samples)]]
    st.markdown(f":small[{title}: {shown}]")
    gallery(single_pngs(samples), captions, title.partition("[")[2].rstrip("]"), key)


def _score(score: float) -> str:
    return f"{round(float(score), 2) + 0.0:.2f}"  # adding 0 turns −0.00 into 0.00


def _loss(view: StageView) -> None:
    st.latex(formula(view))


def _changes(view: StageView) -> None:
    """Draw which gradients and weights the stage has changed, and which not."""
    with st.container(key="walk_changed", horizontal=True, gap="small"):
        if view.stage in _WHAT:
            with st.container(gap="xxsmall"):
                _bars(view)
        with st.container(gap="xxsmall"):
            st.markdown(_norms(view))
            st.caption(explain_changes(view))
    if view.stage == "gradients" and view.sample_gradient is not None and view.fake is not None:
        draw_gradient(view.fake, view.sample_gradient, "walk_sample_gradient")


def _bars(view: StageView) -> None:
    what, caption = _WHAT[view.stage]
    figure = charts.layer_bars(view, what)
    if figure is None:
        st.caption(f"{caption}: there is none above 0 that is finite.")
        return
    st.caption(caption)
    plot(charts.payload(figure), caption, f"walk_{view.stage}", charts.BARS_HEIGHT)


def _norms(view: StageView) -> str:
    rows = [
        f"| {name} | {charts.number(network.gradient)} | {charts.number(network.change)} |"
        for name, network in ((":primary[Generator]", view.generator), (":violet[Discriminator]", view.discriminator))
    ]
    return "\n".join(["| Network | gradient ‖.grad‖ | moved ‖Δw‖ |", "|---|---|---|", *rows])
