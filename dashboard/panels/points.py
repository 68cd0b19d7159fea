"""2-D data: the chart, and how far apart fakes and real points are."""

from dashboard.charts.points import points_figure
from dashboard.charts.rich_text import Span, bold, rich_text
from dashboard.panels.base import Panel, Payload, for_points
from gan_core.config import GANConfig
from gan_core.losses import LOSSES
from gan_core.snapshot import Snapshot


def measures(snapshot: Snapshot) -> Payload:
    """Return how far fakes and real points are apart, modes and good samples as one line of text."""
    view = snapshot.points
    if view is None:
        return rich_text()
    divergence = bold(f"{view.divergence:.2f}")
    spans: list[str | Span] = ["Jensen–Shannon divergence ", divergence, " bits"]
    spans.append(f" (real: {view.floor:.2f})")
    if view.modes:
        spans += [
            " · modes ",
            bold(f"{view.covered}\u00a0of\u00a0{view.modes}"),
            " · good samples ",
            bold(f"{view.good:.0%}"),
        ]
    return rich_text(*spans)


def _caption(config: GANConfig) -> str:
    probability = LOSSES[config.loss].is_probability
    blue, teal = ("D says real", "it says fake") if probability else ("D's score is highest here", "it is lowest")
    return (
        f"Background: :blue[blue] where {blue}, :primary[teal] where {teal}. G's sheet is a grid of noise as G transforms"
        " it. :violet[Arrows] point where D's gradient moves each fake; the strongest is the longest."
    )


def _measures_caption(config: GANConfig) -> str:
    return (
        "The divergence compares how fakes and real points fill a grid of cells: 0 if equally, 1 if they share no cell. In"
        " brackets: what two samples of real points get. A good sample lies within 3 standard deviations of a mode's centre."
    )


CHART = Panel(
    "plot_plane", "2-D data", "plot", "samples",
    lambda snapshot, options: points_figure(snapshot, options.layers).payload(),
    shown=for_points, caption=_caption, height=300, share=0.78, square=True,
)  # fmt: skip
MEASURES = Panel(
    "text_measures", "", "text", "samples", lambda snapshot, options: measures(snapshot), shown=for_points,
    caption=_measures_caption, small=True,
)  # fmt: skip
