"""Losses and scores over the iterations."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard import theme
from dashboard.charts.decimate import extremes, smooth, thin
from dashboard.charts.figure import Figure
from gan_core.losses import LOSSES as LOSS_FUNCTIONS
from gan_core.snapshot import Mark, Snapshot

POINTS = 260  # of raw values: what a chart of this width can show
SMOOTHED = 130  # of their running mean, which bends less
HEIGHT = 270


@dataclass(frozen=True)
class Axes:
    """Which axes are logarithmic."""

    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Curve:
    """One metric in a chart."""

    column: str
    name: str
    colour: str
    dash: str = "solid"


LOSSES = (
    Curve("loss_d", "D loss", theme.DISCRIMINATOR),
    Curve("loss_g", "G loss", theme.GENERATOR),
)
SCORES = (
    Curve("d_real", "D(x)", theme.REAL),
    Curve("d_fake", "D(G(z))", theme.GENERATOR),
    Curve("d_fake_after", "after G's step", theme.GENERATOR, "dot"),
)


def losses(snapshot: Snapshot, axes: Axes = Axes()) -> Figure:
    """Both losses, the level where D cannot tell real from fake, single updates as dots."""
    figure = _lines(snapshot, LOSSES, axes)
    for network, colour, name in (
        ("D", theme.DISCRIMINATOR, "D alone"),
        ("G", theme.GENERATOR, "G alone"),
    ):
        updates = [single for single in snapshot.singles if single.network == network]
        if updates:
            figure.add(
                "scatter",
                x=[single.iteration for single in updates], y=[single.loss for single in updates], name=name,
                mode="markers", marker={"color": colour, "size": 7, "line": {"width": 1, "color": "white"}},
            )  # fmt: skip
    balance = LOSS_FUNCTIONS[snapshot.config.loss].balance
    if balance.loss_d > 0 or not axes.log_y:
        _level(figure, balance.loss_d, balance.label, axes.log_y)
    return figure


def scores(snapshot: Snapshot, axes: Axes = Axes()) -> Figure:
    """What D says on average: of real samples, and of fakes before and after G's step."""
    figure = _lines(snapshot, SCORES, Axes(axes.log_x, False))
    loss = LOSS_FUNCTIONS[snapshot.config.loss]
    if loss.balance.score is not None:
        _level(figure, loss.balance.score, f"{loss.balance.score:g}")
    if loss.is_probability:
        figure.plain["layout"]["yaxis"]["range"] = [-0.02, 1.02]
    return figure


def _lines(snapshot: Snapshot, curves: tuple[Curve, ...], axes: Axes) -> Figure:
    trace = snapshot.trace
    window = max(1, min(len(trace.iteration) // 12, 60))
    figure = Figure(**_layout(axes))
    for curve in curves:
        values = trace.column(curve.column)
        raw = extremes(values, POINTS)
        if curve.dash == "solid":  # a dotted line is a companion; its raw values would only hide the other's
            figure.add(
                "scatter", x=_numbers(trace.iteration[raw]), y=values[raw], mode="lines", name=f"{curve.name}, raw",
                showlegend=False, legendgroup=curve.column, line={"color": theme.faint(curve.colour), "width": 1},
                hovertemplate="%{y:.4g}",
            )  # fmt: skip
        shown = thin(len(values), SMOOTHED)
        figure.add(
            "scatter", x=_numbers(trace.iteration[shown]), y=smooth(values, window)[shown], name=curve.name, mode="lines",
            legendgroup=curve.column, line={"color": curve.colour, "width": 2.2, "dash": curve.dash},
            hovertemplate="%{y:.4g}" + (f" (mean of {window * trace.stride:,})" if window > 1 else ""),
        )  # fmt: skip
    _marks(figure, snapshot.marks, axes, snapshot.iteration)
    return figure


def _numbers(iterations: np.ndarray) -> np.ndarray:
    """Four bytes a point instead of eight; exact to 4 billion."""
    return iterations.astype(np.uint32)


def _level(figure: Figure, value: float, label: str, log: bool = False) -> None:
    """A dashed line across the chart, named in the right margin, where no curve runs."""
    figure.line_across(value, color=theme.QUIET, width=1, dash="dash")
    figure.note(
        x=1, xref="paper", xanchor="left", y=math.log10(value) if log else value, text=label,
        font={"color": theme.QUIET, "size": 11},
    )  # fmt: skip


def _marks(figure: Figure, marks: tuple[Mark, ...], axes: Axes, last: int) -> None:
    """A dotted line where a setting changed; its words on hover, and beside the last few."""
    for mark in marks[-20:]:
        at = max(mark.iteration, 1) if axes.log_x else mark.iteration
        figure.line_up(at, color=theme.QUIET, width=1, dash="dot")
    for index, mark in enumerate(marks[-3:]):
        at = max(mark.iteration, 1)
        figure.note(
            x=np.log10(at) if axes.log_x else mark.iteration, y=1, yref="paper", yanchor="top", yshift=-14 * index,
            text=mark.text, xanchor="left" if at < last / 2 else "right",
            font={"size": 11, "color": theme.QUIET},
        )  # fmt: skip


def _layout(axes: Axes) -> dict[str, Any]:
    quiet = {"showline": False, "zeroline": False, "gridcolor": theme.faint(theme.QUIET, 0.18)}
    x_axis = {
        "title": {"text": "iteration", "standoff": 4}, "hoverformat": ",d", "spikecolor": theme.QUIET,
        "spikethickness": 1, **quiet, **({"type": "log"} if axes.log_x else {"type": "linear", "rangemode": "tozero"}),
    }  # fmt: skip
    return {
        "height": HEIGHT, "margin": {"l": 44, "r": 30, "t": 8, "b": 36}, "hovermode": "x unified",
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font": {"size": 12},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
        # One revision for the life of the chart: zoom and legend stay, whatever comes in. Another scale is another view.
        "uirevision": f"{axes.log_x}{axes.log_y}",
        "xaxis": x_axis,
        "yaxis": {"type": "log" if axes.log_y else "linear", "minorloglabels": "complete", **quiet},
    }  # fmt: skip
