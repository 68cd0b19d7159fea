"""D's mean scores: as a chart, and of the last iteration."""

from dashboard import theme
from dashboard.charts.explain import finite_or_dash, latest
from dashboard.charts.figure import Figure
from dashboard.charts.lines import HEIGHT, Axes, Curve, curves_figure, mark_level
from dashboard.charts.rich_text import bold, rich_text, stacked, toned
from dashboard.panels.base import Panel, Payload, ViewOptions
from gan_core.config import GANConfig
from gan_core.losses import LOSSES
from gan_core.snapshot import Snapshot

CURVES = (
    Curve("d_real", "D(x)", theme.REAL),
    Curve("d_fake", "D(G(z))", theme.GENERATOR),
    Curve("d_fake_after", "after G's step", theme.GENERATOR, "dot"),
)


def scores(snapshot: Snapshot, axes: Axes = Axes()) -> Figure:
    """Return D's mean scores of real samples, and of fakes before and after G's step."""
    figure = curves_figure(
        snapshot, CURVES, Axes(axes.log_x, False), lambda ghosts, ours: ghosts.is_probability == ours.is_probability
    )
    loss = LOSSES[snapshot.config.loss]
    if loss.balance.score is not None:
        mark_level(figure, loss.balance.score, f"{loss.balance.score:g}")
    if loss.is_probability:
        figure.plain["layout"]["yaxis"]["range"] = [-0.02, 1.02]
    return figure


def _caption(config: GANConfig) -> str:
    kind = ", as a probability" if LOSSES[config.loss].is_probability else ", as its raw output"
    return f"D's mean output{kind}: for real samples, and for fakes before and after G's step."


def _now(snapshot: Snapshot, options: ViewOptions) -> Payload:
    """Return the scores of the last iteration."""
    now = latest(snapshot, 1)
    return stacked(
        rich_text(toned("Real", "blue"), " scored D(x) ", bold(finite_or_dash(now.get("d_real")))),
        rich_text(toned("Fake", "primary"), " scored D(G(z)) ", bold(finite_or_dash(now.get("d_fake")))),
    )


NOW = Panel("text_scores", "", "text", "discriminator card", _now, height=40)
CHART = Panel(
    "plot_scores", "Scores", "plot", "charts", lambda snapshot, options: scores(snapshot, options.axes).payload(),
    caption=_caption, height=HEIGHT, takes_turns=True,
)  # fmt: skip
