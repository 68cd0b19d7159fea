"""What a server does over time, for its teacher."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import theme
from dashboard.charts.figure import Figure

FEW = 5
COLOURS = (theme.GENERATOR, theme.MOMENT, theme.QUIET)


def load_figure(seconds: Sequence[float], curves: Mapping[str, Sequence[float]], *, shares: bool = False) -> Figure:
    """Return curves by their name, over ``seconds`` before now, which are 0 or less; ``shares``: 1 is 100%."""
    quiet: dict[str, Any] = {
        "showline": False, "zeroline": False, "gridcolor": theme.faint(theme.QUIET, 0.18), "rangemode": "tozero",
    }  # fmt: skip
    figure = Figure(
        margin={"l": 44, "r": 12, "t": 28, "b": 40}, hovermode="x unified", uirevision="load", font={"size": 12},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        xaxis={"title": {"text": "seconds ago", "standoff": 4, "font": {"size": 11}}, **quiet, "range": [-300, 0],
               "tickvals": [-300, -240, -180, -120, -60, 0], "ticktext": ["300", "240", "180", "120", "60", "now"]},
        yaxis={**quiet, **({"tickformat": ".0%"} if shares else {"tickformat": ",d"})},
    )  # fmt: skip
    if not shares and max((value for values in curves.values() for value in values), default=0) <= FEW:
        figure.plain["layout"]["yaxis"]["dtick"] = 1  # no halves of runs
    for (name, values), colour in zip(curves.items(), COLOURS, strict=False):
        figure.add(
            "scatter", x=list(seconds), y=list(values), name=name, mode="lines", line={"color": colour, "width": 2}
        )
    return figure
