"""The chart of both losses."""

from dashboard import theme
from dashboard.charts.figure import Figure
from dashboard.charts.lines import Axes, Curve, curves_figure, mark_level
from dashboard.panels.base import Panel
from gan_core.losses import LOSSES
from gan_core.snapshot import Snapshot

CURVES = (Curve("loss_d", "D loss", theme.DISCRIMINATOR), Curve("loss_g", "G loss", theme.GENERATOR))


def losses(snapshot: Snapshot, axes: Axes = Axes()) -> Figure:
    """Return the losses over the iterations, single updates as dots, and the level of balance."""
    figure = curves_figure(snapshot, CURVES, axes, lambda ghosts, ours: ghosts is ours, name_ghost=True)
    for network, name, colour in (("D", "D alone", theme.DISCRIMINATOR), ("G", "G alone", theme.GENERATOR)):
        updates = [single for single in snapshot.singles if single.network == network]
        if updates:
            figure.add(
                "scatter",
                x=[single.iteration for single in updates], y=[single.loss for single in updates], name=name,
                mode="markers", marker={"color": colour, "size": 7, "line": {"width": 1, "color": "white"}},
            )  # fmt: skip
    balance = LOSSES[snapshot.config.loss].balance
    if balance.loss_d > 0 or not axes.log_y:
        mark_level(figure, balance.loss_d, balance.label, axes.log_y)
    return figure


PANEL = Panel(
    "plot_losses", "Losses", "plot", "wide charts", lambda snapshot, options: losses(snapshot, options.axes).payload(),
    caption=lambda config: LOSSES[config.loss].reading, height=190, share=0.54, takes_turns=True,
)  # fmt: skip
