"""The chart of 2-D data."""

from dashboard.charts.points import HEIGHT, points_figure
from dashboard.panels.base import Panel, for_points

PANEL = Panel(
    key="plot_plane",
    title="2-D data",
    kind="plot",
    place="samples",
    payload=lambda snapshot, options: points_figure(snapshot, options.layers).payload(),
    shown=for_points,
    caption=lambda config: (
        "Background: :blue[blue] where D says real, :primary[teal] where it says fake. G's sheet is a grid of noise as G"
        " transforms it. :violet[Arrows] show where D's gradient moves each fake."
    ),
    height=HEIGHT,
    square=True,
)
