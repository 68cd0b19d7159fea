"""Metrics over the iterations."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard import theme
from dashboard.charts.decimate import extremes, smooth, thin
from dashboard.charts.figure import Figure
from gan_core.snapshot import Mark, Snapshot

POINTS = 260  # of raw values: what a chart of this width can show
SMOOTHED = 130  # of their running mean, which bends less


@dataclass(frozen=True)
class Axes:
    """Which axes are logarithmic."""

    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Curve:
    """One metric in a chart; ``column`` is its name in the trace."""

    column: str
    name: str
    colour: str
    dash: str = "solid"


def curves_figure(snapshot: Snapshot, curves: tuple[Curve, ...], axes: Axes) -> Figure:
    """Return metrics over the iterations: raw values pale, their running mean on top, and marks of changed settings."""
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
    """Return iterations in four bytes each instead of eight; exact to 4 billion."""
    return iterations.astype(np.uint32)


def mark_level(figure: Figure, value: float, label: str, log: bool = False) -> None:
    """Draw a dashed line across the chart, labelled in the right margin, where no curve runs."""
    dashed = {"color": theme.QUIET, "width": 1, "dash": "dash"}
    figure.line(x0=0, x1=1, xref="x domain", y0=value, y1=value, yref="y", line=dashed)
    figure.note(
        x=1, xref="paper", xanchor="left", y=math.log10(value) if log else value, text=label,
        font={"color": theme.QUIET, "size": 11},
    )  # fmt: skip


def _marks(figure: Figure, marks: tuple[Mark, ...], axes: Axes, last: int) -> None:
    """Draw a dotted line where a setting changed, and label the last few."""
    for mark in marks[-20:]:
        at = max(mark.iteration, 1) if axes.log_x else mark.iteration
        dotted = {"color": theme.QUIET, "width": 1, "dash": "dot"}
        figure.line(x0=at, x1=at, xref="x", y0=0, y1=1, yref="y domain", line=dotted)
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
        "margin": {"l": 44, "r": 30, "t": 8, "b": 36}, "hovermode": "x unified",
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font": {"size": 12},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
        # One revision for the life of the chart: zoom and legend stay, whatever comes in. Another scale is another view.
        "uirevision": f"{axes.log_x}{axes.log_y}",
        "xaxis": x_axis,
        "yaxis": {"type": "log" if axes.log_y else "linear", "minorloglabels": "complete", **quiet},
    }  # fmt: skip
