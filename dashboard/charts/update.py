"""Figures of the stages of one update."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.charts.figure import json_able
from gan_core.config import Network
from gan_core.diagnostics.views import StageView

BARS_HEIGHT, CURVES_HEIGHT = "calc(var(--pane) - 300px)", "calc(var(--pane) - 130px)"  # step_through.css has the pane


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of logits; saturates without a warning."""
    return (0.5 * (1 + np.tanh(logits / 2))).astype(np.float32)


def layer_bars(view: StageView, what: str) -> go.Figure | None:
    """Draw, for every layer of the stage's network, the norm of its "gradient", or of its "change" since the turn began.

    None where no layer has a bar: the chart would be empty.
    """
    return _bars(view, what, (view.network,), "{:.2g}", hovertemplate="%{y}<br>%{x:.4g}<extra></extra>")


def inactive_bars(view: StageView) -> go.Figure | None:
    """Draw, for every hidden layer that has run, the share of its units that were off for the whole batch; None if none was."""
    figure = _bars(view, "inactive", ("G", "D"), "{:.1%}", hovertemplate="%{y}<br>%{x:.2%}<extra></extra>")
    if figure is not None:
        figure.update_xaxes(range=[0, 1.25])
    return figure


def inactive_layers(view: StageView) -> list[tuple[str, float]]:
    """Return every hidden layer that has run, with the share of its units that were off for the whole batch."""
    return [(label, share) for network in _NETWORKS for label, share in _layers(view, network, "inactive")]


_NETWORKS: dict[Network, tuple[str, str]] = {
    "G": ("Generator", theme.GENERATOR),
    "D": ("Discriminator", theme.DISCRIMINATOR),
}


def _layers(view: StageView, network: Network, what: str) -> list[tuple[str, float]]:
    """Return the layers of a network that have this value, each with its label."""
    shown = view.generator if network == "G" else view.discriminator
    values = [(f"{network} {at}: {layer.name}", getattr(layer, what)) for at, layer in enumerate(shown.layers, 1)]
    return [(label, value) for label, value in values if value is not None]


def _bars(view: StageView, what: str, networks: tuple[Network, ...], form: str, **options: str) -> go.Figure | None:
    """Draw one value of the layers of ``networks`` as bars, the first layer at the top; None if no bar has a length."""
    figure, longest = go.Figure(), 0.0
    for network in networks:
        name, colour = _NETWORKS[network]
        layers = _layers(view, network, what)
        longest = max([longest, *(value for _, value in layers if math.isfinite(value))])
        figure.add_bar(
            y=[label for label, _ in layers], x=[value for _, value in layers], name=name, orientation="h",
            text=[form.format(value) for _, value in layers], marker={"color": colour}, textposition="outside",
            cliponaxis=False, **options,
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(range=[0, 1.25 * longest], visible=False)
    return _styled(figure) if longest > 0 else None


def generator_losses(logits: NDArray[np.float32]) -> go.Figure:
    """Draw both generator losses over D(G(z)), with this batch's scores as dots on each.

    Non-saturating: -log p; saturating: log(1 - p). Source: Goodfellow et al. 2014, section 3.
    """
    scores = np.clip(sigmoid(logits), 1e-6, 1 - 1e-6)
    p = sigmoid(np.linspace(-14, 14, 300, dtype=np.float32))  # close together where the curves are steep
    most = 1.1 * max(4.0, float(_non_saturating(scores).max()), float(-_saturating(scores).min()))
    figure = go.Figure()
    for name, colour, loss in (
        ("−log p, fakes against ones", theme.GENERATOR, _non_saturating),
        ("log(1 − p), saturating", theme.QUIET, _saturating),
    ):
        figure.add_scatter(x=p, y=loss(p), mode="lines", name=name, line={"color": colour, "width": 2})
        figure.add_scatter(
            x=scores, y=loss(scores), mode="markers", showlegend=False, name=name,
            marker={"color": colour, "size": 7, "opacity": 0.5},
        )  # fmt: skip
    figure.update_xaxes(title={"text": "p = D(G(z))"}, range=[0, 1])
    figure.update_yaxes(title={"text": "G loss"}, range=[-most, most])
    return _styled(figure, legend=True)


def _non_saturating(p: NDArray[np.float32]) -> NDArray[np.float32]:
    return -np.log(p)


def _saturating(p: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log1p(-p)


def slopes(logits: NDArray[np.float32]) -> tuple[float, float]:
    """Return the mean |∂loss/∂logit| of the batch: non-saturating 1 - p, saturating p."""
    scores = sigmoid(logits)
    return float((1 - scores).mean()), float(scores.mean())


def _styled(figure: go.Figure, legend: bool = False) -> go.Figure:
    figure.update_layout(
        template="none", margin={"l": 8, "r": 8, "t": 6, "b": 6},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"size": 12}, showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}, uirevision="walk", bargap=0.3,
    )  # fmt: skip
    grid = theme.faint(theme.QUIET, 0.18)
    figure.update_xaxes(gridcolor=grid, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=grid, zeroline=False, automargin=True)
    return figure


def payload(figure: go.Figure) -> dict[str, Any]:
    """Return the figure as JSON can hold it."""
    plain: dict[str, Any] = json_able(figure.to_dict())
    return plain


def number(value: float | None) -> str:
    """Format a norm for a table; None stays "None", as PyTorch prints it."""
    if value is None:
        return "None"
    return "0" if value == 0 else f"{value:.3g}" if math.isfinite(value) else str(value)


def explain_inactive(layers: list[tuple[str, float]], slope: float) -> str:
    """Explain the shares of inactive units by layer under this slope of LeakyReLU."""
    layer, most = max(layers, key=lambda one: one[1])
    found = f"Slope {slope:g}: in {layer}, {max(most, 0.001):.1%} of the units are off for the whole batch, the largest share."
    if most == 0:
        found = f"Slope {slope:g}: no unit is off for the whole batch."
    if slope > 0 and most > 0:
        return f"{found} The slope is not 0: what reaches these units is 0, or too small for the number format."
    if slope > 0:
        return (
            f"{found} LeakyReLU passes on every negative value, scaled by its slope, so a gradient passes too."
            " Set the slope to 0 and compare."
        )
    return f"{found} With slope 0 a unit that is off for every sample gets no gradient, so it may never recover."
