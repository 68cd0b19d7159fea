"""2-D data: the chart, and how far apart fakes and real points are."""

from dashboard.charts.points import points_figure
from dashboard.charts.rich_text import Span, bold, rich_text
from dashboard.panels.base import Panel, Payload, for_points
from gan_core.config import GANConfig
from gan_core.snapshot import Snapshot


def measures(snapshot: Snapshot) -> Payload:
    """Return divergence, modes and good samples as one line of text."""
    view = snapshot.points
    if view is None:
        return rich_text()
    divergence = bold(f"{view.divergence:.2f}")
    spans: list[str | Span] = ["Divergence ", divergence, f" bits (two real samples: {view.floor:.2f})"]
    if view.modes:
        spans += [" · modes ", bold(f"{view.covered} of {view.modes}"), " · good samples ", bold(f"{view.good:.0%}")]
    return rich_text(*spans)


def _caption(config: GANConfig) -> str:
    return (
        "Background: :blue[blue] where D says real, :primary[teal] where it says fake. G's sheet is a grid of noise as G"
        " transforms it. :violet[Arrows] show where D's gradient moves each fake."
    )


CHART = Panel(
    "plot_plane", "2-D data", "plot", "samples",
    lambda snapshot, options: points_figure(snapshot, options.layers).payload(),
    shown=for_points, caption=_caption, height=300, share=0.98, square=True,
)  # fmt: skip
MEASURES = Panel(
    "text_measures", "", "text", "samples", lambda snapshot, options: measures(snapshot), shown=for_points, small=True
)
