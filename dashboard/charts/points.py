"""2-D data: real and fake points, D's score everywhere, G's sheet of noise, and where D pulls each fake."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard import theme
from dashboard.charts.figure import Figure
from gan_core.diagnostics.views import PointsView
from gan_core.losses import LOSSES
from gan_core.snapshot import Snapshot

UNITS = 1000  # of the axes, in a unit of the data
ARROWS = 120  # fakes that get an arrow: more would hide each other
LONGEST = 0.22  # length of an arrow, in units of the data
LAYERS = {"real": "Real", "fake": "Fake", "scores": "D's score", "manifold": "G's sheet", "pull": "D's pull"}
SHOWN_FIRST = ("real", "fake", "scores")

Points = NDArray[np.float32]


def points_figure(snapshot: Snapshot, layers: tuple[str, ...] = SHOWN_FIRST) -> Figure:
    """Return a figure over [-1, 1]² with these layers, D's score at the bottom and the arrows on top.

    Its axes count in ``UNITS``, so two bytes hold a coordinate.
    """
    figure = Figure(**_layout(snapshot.run_id, zoomable=snapshot.config.dataset != "drawn"))
    view = snapshot.points
    if view is not None and "scores" in layers:
        _scores(figure, view, LOSSES[snapshot.config.loss].is_probability)
    if view is not None and view.manifold is not None and "manifold" in layers:
        _sheet(figure, view.manifold)
    if "real" in layers:
        _points(figure, snapshot.real, "Real", theme.REAL)
    if "fake" in layers:
        _points(figure, snapshot.fake, "Fake", theme.GENERATOR)
    if view is not None and "pull" in layers:
        _arrows(figure, snapshot.fake, view.sample_gradient)
    return figure


def _layout(revision: str, zoomable: bool) -> dict[str, Any]:
    """Return the layout; zoom stays for as long as ``revision`` is the same. None under the canvas: both must agree."""
    edge = 1.05 * UNITS
    axis = {
        "range": [-edge, edge], "showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "",
        "constrain": "domain", "fixedrange": not zoomable,
    }  # fmt: skip
    return {
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4}, "uirevision": revision, "showlegend": False,
        "plot_bgcolor": "rgba(0,0,0,0)", "dragmode": "zoom" if zoomable else False, "hovermode": "closest",
        "xaxis": axis, "yaxis": {**axis, "scaleanchor": "x"},
    }  # fmt: skip


def _units(points: Points) -> dict[str, NDArray[np.int16]]:
    """Return points ``[n, 2]`` as x and y of a trace."""
    x, y = (points * UNITS).round().clip(-32_767, 32_767).astype(np.int16).T
    return {"x": x, "y": y}


def _scores(figure: Figure, view: PointsView, probability: bool) -> None:
    """Draw D's score in per cent: teal where it says fake, blue where it says real."""
    low, high = (0.0, 1.0) if probability else (float(view.scores.min()), float(view.scores.max()) + 1e-9)
    levels = ((view.scores - low) / (high - low) * 100).round().clip(0, 100).astype(np.uint8)
    step = 2 * UNITS / (len(levels) - 1)
    figure.add(
        "heatmap",
        z=levels, x0=-UNITS, dx=step, y0=-UNITS, dy=step, zmin=0, zmax=100, showscale=False, zsmooth="best",
        name="D's score",
        **({"hovertemplate": "D(x) here: %{z}%<extra></extra>"} if probability else {"hoverinfo": "skip"}),
        colorscale=[
            # Steeper around the middle: a good D is never far from it.
            [0, theme.faint(theme.GENERATOR, 0.5)],
            [0.35, theme.faint(theme.GENERATOR, 0.3)],
            [0.5, theme.faint(theme.QUIET, 0.03)],
            [0.65, theme.faint(theme.REAL, 0.3)],
            [1, theme.faint(theme.REAL, 0.5)],
        ],
    )  # fmt: skip


def _points(figure: Figure, points: Points, name: str, colour: str) -> None:
    marker = {"color": colour, "size": 5, "opacity": 0.8}
    figure.add("scatter", **_units(points), mode="markers", name=name, marker=marker, hoverinfo="skip")


def _sheet(figure: Figure, manifold: Points) -> None:
    """Draw the grid of noise as the generator transforms it: back and forth along its rows, then along its columns.

    The step from row to row lies on a border column, so one line without gaps draws the grid and nothing else.
    """
    path = _back_and_forth(manifold)
    if len(manifold) > 1:
        columns = manifold.swapaxes(0, 1)
        if len(manifold) % 2:  # the rows end at the right: the columns begin there
            columns = columns[::-1]
        columns = columns[:, ::-1]  # and in the last row
        path = np.concatenate([path, _back_and_forth(columns)])
    figure.add(
        "scatter",
        **_units(path), mode="lines", name="G's sheet", hoverinfo="skip",
        line={"color": theme.faint(theme.GENERATOR, 0.75), "width": 1 if len(manifold) > 1 else 2.5},
    )  # fmt: skip


def _back_and_forth(lines: Points) -> Points:
    """Return lines ``[rows, columns, 2]`` as one path ``[rows · columns, 2]``, every other line backwards."""
    turned = lines.copy()
    turned[1::2] = lines[1::2, ::-1]
    return turned.reshape(-1, 2)


def _arrows(figure: Figure, fakes: Points, sample_gradient: Points) -> None:
    """Draw an arrow from each fake; lengths are relative, the longest is ``LONGEST``."""
    fakes, ways = fakes[:ARROWS], sample_gradient[:ARROWS]
    strongest = max(float(np.linalg.norm(ways, axis=1).max()), 1e-12)
    ends = fakes + ways * np.float32(LONGEST / strongest)
    gap = np.full_like(fakes, np.nan)
    joined = np.stack([fakes, ends, gap], axis=1).reshape(-1, 2) * UNITS
    figure.add(
        "scatter",
        x=joined[:, 0], y=joined[:, 1], mode="lines+markers", name="D's pull", hoverinfo="skip",
        line={"color": theme.DISCRIMINATOR, "width": 1.2},
        marker={
            "color": theme.DISCRIMINATOR, "symbol": "arrow", "angleref": "previous", "line": {"width": 0},
            "size": [0, 8, 0] * len(fakes),
        },
    )  # fmt: skip
