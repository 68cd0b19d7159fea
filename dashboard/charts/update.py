"""Figures of the stages of one update."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.charts.figure import json_able
from gan_core.diagnostics.views import StageView

HEIGHT = 250


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of logits; saturates without a warning."""
    return (0.5 * (1 + np.tanh(logits / 2))).astype(np.float32)


def layer_bars(view: StageView, what: str) -> go.Figure:
    """Draw, for every layer of both networks, the norm of its "gradient", or of its "change" since the turn began."""
    figure = _bars(view, what, "{:.2g}", hovertemplate="%{x}<br>%{y:.4g}<extra></extra>")
    figure.update_yaxes(rangemode="tozero", title={"text": "‖gradient‖" if what == "gradient" else "‖Δw‖"})
    return figure


def inactive_bars(view: StageView) -> go.Figure:
    """Draw, for every hidden layer that has run, the share of its units that were off for the whole batch."""
    figure = _bars(view, "inactive", "{:.0%}")
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    return figure


def _bars(view: StageView, what: str, form: str, **options: str) -> go.Figure:
    """Draw one value of every layer of both networks; of "inactive", only the layers that have it."""
    figure = go.Figure()
    for network, name, shown, colour in (
        ("G", "Generator", view.generator, theme.GENERATOR),
        ("D", "Discriminator", view.discriminator, theme.DISCRIMINATOR),
    ):
        bars = [
            (f"{network} {index}: {layer.name}", getattr(layer, what)) for index, layer in enumerate(shown.layers, 1)
        ]
        if what == "inactive":
            bars = [(label, value) for label, value in bars if value is not None]
        figure.add_bar(
            x=[label for label, _ in bars], y=[value or 0.0 for _, value in bars], name=name, marker={"color": colour},
            text=["None" if value is None else form.format(value) for _, value in bars], **options,
        )  # fmt: skip
    return _styled(figure)


def generator_losses(logits: NDArray[np.float32]) -> go.Figure:
    """Draw both generator losses over D(G(z)), with this batch's scores as dots on each.

    Non-saturating: -log p; saturating: log(1 - p). Source: Goodfellow et al. 2014, section 3.
    """
    scores = np.clip(sigmoid(logits), 1e-6, 1 - 1e-6)
    p = sigmoid(np.linspace(-14, 14, 300, dtype=np.float32))  # close together where the curves are steep
    most = 1.1 * max(4.0, float(_non_saturating(scores).max()), float(-_saturating(scores).min()))
    figure = go.Figure()
    for name, colour, loss in (
        ("-log p, fakes against ones", theme.GENERATOR, _non_saturating),
        ("log(1 - p), saturating", theme.QUIET, _saturating),
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
        template="none", height=HEIGHT, margin={"l": 52, "r": 8, "t": 10, "b": 70 if not legend else 40},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"size": 11}, showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}, uirevision="walk", bargap=0.3,
    )  # fmt: skip
    grid = theme.faint(theme.QUIET, 0.18)
    figure.update_xaxes(gridcolor=grid, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=grid, zeroline=False)
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
