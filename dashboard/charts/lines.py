"""Metrics over the iterations."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from dashboard import theme
from dashboard.charts.decimate import extremes, thin
from dashboard.charts.figure import Figure
from gan_core.history import History, Trace
from gan_core.losses import LOSSES
from gan_core.losses.base import Loss
from gan_core.snapshot import Mark, Snapshot

POINTS = 180  # of raw values: what a chart of this width can show
SMOOTHED = 90  # of their running mean, which bends less
GHOST_LEAST = 100  # iterations of a ghost that are shown beside a young run
GHOST_ROWS = 20  # the same in rows of its trace
GHOST_AHEAD = 2  # of a longer ghost, so many times as many iterations as the run has: the run keeps half of the chart
WHOLE_TICKS = 5  # iterations: Plotly would put ticks at halves of them on a shorter axis
EMPTY = 100  # iterations on the axis of a run that has not trained
PLOT_HEIGHT = 110  # pixels inside the axes of the lowest chart
PLOT_WIDTH = 280  # pixels inside the axes on the narrowest chart; on a wider one labels are only farther apart
LABEL_ROWS = 2  # of labels of marks, above the curves
LABEL_ROW = 13  # pixels
LABEL_SIZE = 10
LABEL_CHARACTER = 5.2  # pixels, on average
GHOST_NAME = "last run"
PARENT_NAME = "before the branch"


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


@dataclass(frozen=True)
class _Label:
    """A mark's text, in pixels of the narrowest chart."""

    at: int
    text: str
    whole: str  # before it was shortened
    anchor: str
    row: int
    begin: float
    end: float


def curves_figure(
    snapshot: Snapshot,
    curves: tuple[Curve, ...],
    axes: Axes,
    comparable: Callable[[Loss, Loss], bool],
    name_ghost: bool = False,
) -> Figure:
    """Return metrics over the iterations: raw values pale, their running mean on top, and marks of changed settings.

    The ghost's curves lie behind them if its loss and the run's are ``comparable``; ``name_ghost``: in the legend too, as is
    what a branch shares with its parent.
    """
    ghost = _ghost_trace(snapshot, comparable)
    last = max([snapshot.iteration, *ghost.iteration[-1:].tolist()])
    figure = Figure(**_layout(axes, last))
    for curve in curves:
        _curve(figure, curve, snapshot.trace)
        if snapshot.fork and curve.dash == "solid":
            _parent_curve(figure, curve, snapshot, name_ghost and curve is curves[0])
    if len(ghost.iteration):
        for curve in curves:
            if curve.dash == "solid":  # without its companion, which would hardly be told from it
                _ghost_curve(figure, curve, ghost, name_ghost and curve is curves[0])
    if axes.log_y and any((snapshot.trace.column(curve.column) <= 0).any() for curve in curves):
        figure.note(
            x=0.5, xref="x domain", y=0, yref="y domain", yanchor="bottom", text="log y cannot show values of 0 or less",
            font={"color": theme.QUIET, "size": 11},
        )  # fmt: skip
    _marks(figure, snapshot.marks, axes, last)
    return figure


def cursor(iteration: int) -> dict[str, Any]:
    """Return the line that marks the moment which the page shows, on a chart over the iterations."""
    solid = {"color": theme.MOMENT, "width": 2}
    return {
        "type": "line",
        "x0": iteration,
        "x1": iteration,
        "xref": "x",
        "y0": 0,
        "y1": 1,
        "yref": "y domain",
        "line": solid,
    }


def _curve(figure: Figure, curve: Curve, trace: Trace) -> None:
    values = trace.column(curve.column)
    raw, shown = extremes(values, POINTS), thin(len(values), SMOOTHED)
    if curve.dash == "solid":  # a dotted line is a companion; its raw values would only hide the other's
        figure.add(
            "scatter", x=_numbers(trace.iteration[raw]), y=values[raw], mode="lines", name=f"{curve.name}, raw",
            showlegend=False, legendgroup=curve.column, line={"color": theme.faint(curve.colour), "width": 1},
            hovertemplate="%{y:.4g}",
        )  # fmt: skip
    figure.add(
        "scatter", x=_numbers(trace.iteration[shown]), y=trace.running_mean(curve.column)[shown], name=curve.name,
        mode="lines" if len(values) > 1 else "markers", legendgroup=curve.column,
        line={"color": curve.colour, "width": 2.2, "dash": curve.dash},
        hovertemplate="%{y:.4g}" + (f" (mean of {trace.window * trace.stride:,})" if trace.window > 1 else ""),
    )  # fmt: skip


def _parent_curve(figure: Figure, curve: Curve, snapshot: Snapshot, named: bool) -> None:
    """Grey what a branch shares with its parent: the curve up to the fork. One entry in the legend stands for all."""
    rows = int(np.searchsorted(snapshot.trace.iteration, snapshot.fork, side="right"))
    shown = thin(rows, SMOOTHED)
    figure.add(
        "scatter", x=_numbers(snapshot.trace.iteration[shown]), y=snapshot.trace.running_mean(curve.column)[shown],
        mode="lines", name=PARENT_NAME, legendgroup=PARENT_NAME, showlegend=named, hoverinfo="skip",
        line={"color": theme.QUIET, "width": 3},
    )  # fmt: skip


def _ghost_trace(snapshot: Snapshot, comparable: Callable[[Loss, Loss], bool]) -> Trace:
    """Return the part of the last run that is drawn: all of it before the present one trains, which it then must not squeeze.

    A run on another dataset goes no further than the present one: nobody compares with what it became.
    """
    ghost, config = snapshot.ghost, snapshot.config
    if ghost is None or not comparable(LOSSES[ghost.config.loss], LOSSES[config.loss]):
        return History().trace()
    same = ghost.config.dataset == config.dataset
    least = max(GHOST_LEAST, GHOST_ROWS * ghost.trace.stride)
    most = max(least, GHOST_AHEAD * snapshot.iteration) if same else snapshot.iteration
    rows = int(np.searchsorted(ghost.trace.iteration, most, side="right")) if snapshot.iteration or not same else None
    return Trace(ghost.trace.iteration[:rows], ghost.trace.values[:rows], ghost.trace.stride)


def _ghost_curve(figure: Figure, curve: Curve, trace: Trace, named: bool) -> None:
    """Draw a ghost's curve; one entry in the legend stands for all of them."""
    figure.add(
        "scatter", x=_numbers(trace.iteration), y=trace.column(curve.column),
        mode="lines", name=GHOST_NAME, legendgroup=GHOST_NAME, showlegend=named, hoverinfo="skip", zorder=-1,
        line={"color": _greyish(curve.colour), "width": 1.5, "dash": "dot"},
    )  # fmt: skip


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


def _greyish(colour: str) -> str:
    """Return the middle between a colour and the theme's grey."""
    halves = (int(one[at : at + 2], 16) for at in (1, 3, 5) for one in (colour, theme.QUIET))
    red, green, blue = ((first + second) // 2 for first, second in zip(*[halves] * 2, strict=True))
    return f"rgba({red},{green},{blue},0.7)"


def _marks(figure: Figure, marks: tuple[Mark, ...], axes: Axes, last: int) -> None:
    """Draw a dotted line where a setting changed, and label the last few above the curves.

    Of several values that a setting had at one iteration, the last one trained.
    """
    dotted = {"color": theme.QUIET, "width": 1, "dash": "dot"}
    texts: dict[int, dict[str, str]] = {}
    for mark in marks[-20:]:
        at, (setting, _, _) = max(mark.iteration, 1) if axes.log_x else mark.iteration, mark.text.partition(":")
        texts.setdefault(at, {})[setting] = mark.text
    for at in texts:
        figure.line(x0=at, x1=at, xref="x", y0=0, y1=1, yref="y domain", line=dotted)
    labels = _place_labels({at: ", ".join(changes.values()) for at, changes in texts.items()}, axes, last)
    for label in labels:
        figure.note(
            x=math.log10(label.at) if axes.log_x else label.at, y=1, yref="y domain", yanchor="bottom",
            yshift=LABEL_ROW * label.row, text=label.text, hovertext=label.whole, xanchor=label.anchor,
            font={"size": LABEL_SIZE, "color": theme.QUIET}, borderpad=0,
        )  # fmt: skip
    rows = 1 + max((label.row for label in labels), default=-1)
    if rows:
        figure.plain["layout"]["yaxis"]["domain"] = [0, 1 - rows * LABEL_ROW / PLOT_HEIGHT]


def _place_labels(texts: dict[int, str], axes: Axes, last: int) -> list[_Label]:
    """Return the labels that have room where the chart is at its narrowest, the newest first; "…" for others if it has."""
    placed: list[_Label] = []
    for at, whole in reversed(texts.items()):
        share = math.log(at) / math.log(max(last, 2)) if axes.log_x else at / max(last, 1)
        line, anchor = share * PLOT_WIDTH, "left" if share < 0.5 else "right"
        short = _shortened(whole, int(max(line, PLOT_WIDTH - line) / LABEL_CHARACTER))
        for text, row in product((short, "…"), range(LABEL_ROWS)):
            width = len(text) * LABEL_CHARACTER
            begin = line if anchor == "left" else line - width
            if all(other.row != row or begin > other.end or begin + width < other.begin for other in placed):
                placed.append(_Label(at, text, whole, anchor, row, begin, begin + width))
                break
    return placed


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip(" ,:") + "…"


def _layout(axes: Axes, last: int) -> dict[str, Any]:
    quiet = {"showline": False, "zeroline": False, "gridcolor": theme.faint(theme.QUIET, 0.18)}
    x_axis: dict[str, Any] = {
        "title": {"text": "iteration", "standoff": 2, "font": {"size": 11}}, "hoverformat": ",d", "spikecolor": theme.QUIET,
        "spikethickness": 1, **quiet, **({"type": "log"} if axes.log_x else {"type": "linear", "rangemode": "tozero"}),
    }  # fmt: skip
    y_axis: dict[str, Any] = {
        "type": "log" if axes.log_y else "linear",
        "minorloglabels": "complete",
        "exponentformat": "e",
        **quiet,
    }
    if last == 0:  # without data, the axes would stay at those of the run before
        x_axis["range"] = [0, math.log10(EMPTY)] if axes.log_x else [0, EMPTY]
        y_axis["range"] = [-1, 0] if axes.log_y else [0, 1]
    if 0 < last <= WHOLE_TICKS:
        x_axis["dtick"] = "L1" if axes.log_x else 1
    if axes.log_x and last == 1:
        x_axis["range"] = [0, math.log10(2)]  # of itself it would reach from 0.1 to 10
    bottom = 54 if axes.log_x else 40  # minor ticks have a row of labels of their own
    return {
        "margin": {"l": 40, "r": 30, "t": 36, "b": bottom}, "hovermode": "x unified",
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font": {"size": 12},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "font": {"size": 10}},
        # One revision for the life of the chart: zoom and legend stay, whatever comes in. Another scale is another view.
        "uirevision": f"{axes.log_x}{axes.log_y}",
        "xaxis": x_axis,
        "yaxis": y_axis,
    }  # fmt: skip
