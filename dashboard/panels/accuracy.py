"""D's accuracy: its share of right answers. Learners ask whether that should be 50% or 100%."""

from dashboard import theme
from dashboard.charts.figure import Figure
from dashboard.charts.lines import Axes, Curve, curves_figure, mark_level
from dashboard.panels.base import Panel
from gan_core.config import GANConfig
from gan_core.losses import LOSSES
from gan_core.snapshot import Snapshot

CURVES = (
    Curve("accuracy_real", "real", theme.REAL),
    Curve("accuracy_fake", "fakes", theme.GENERATOR),
)


def accuracy(snapshot: Snapshot) -> Figure:
    """Return the share of real samples and of fakes that D judges right, and the half that guessing gets."""
    figure = curves_figure(
        snapshot, CURVES, Axes(), lambda ghosts, ours: None not in (ghosts.threshold, ours.threshold)
    )
    mark_level(figure, 0.5, "50%")
    if LOSSES[snapshot.config.loss].threshold is None:
        title = LOSSES[snapshot.config.loss].title
        figure.note(
            x=0.5, xref="x domain", y=0.25, yref="y domain", yanchor="middle",
            text=f"{title} has no level<br>between real and fake", font={"color": theme.QUIET, "size": 11},
        )  # fmt: skip
    figure.plain["layout"]["yaxis"] |= {"range": [-0.02, 1.02], "tickformat": ".0%"}
    return figure


def _caption(config: GANConfig) -> str:
    if LOSSES[config.loss].threshold is None:
        return "Under this loss D's output has no level between real and fake, so there is no accuracy."
    return (
        "Share of each batch that D judges right. With both near 50%, it does no better than guessing; with both at 100%,"
        " it makes no mistake."
    )


PANEL = Panel(
    "plot_accuracy", "D's accuracy", "plot", "charts", lambda snapshot, options: accuracy(snapshot).payload(),
    caption=_caption, height=150, share=0.43, takes_turns=True,
)  # fmt: skip
