"""D's mean scores: as a chart, and as two numbers."""

from dashboard import theme
from dashboard.charts.explain import RECENT, finite_or_dash, recent
from dashboard.charts.figure import Figure
from dashboard.charts.lines import Axes, Curve, curves_figure, mark_level
from dashboard.charts.rich_text import bold, rich_text, toned
from dashboard.panels.base import Panel, Payload, ViewOptions
from gan_core.config import GANConfig
from gan_core.losses import LOSSES
from gan_core.snapshot import Snapshot

CURVES = (
    Curve("d_real", "D(x)", theme.REAL),
    Curve("d_fake", "D(G(z))", theme.GENERATOR),
    Curve("d_fake_after", "after G", theme.GENERATOR, "dot"),
)


def scores(snapshot: Snapshot) -> Figure:
    """Return D's mean scores of real samples, and of fakes before and after G's step."""
    figure = curves_figure(snapshot, CURVES, Axes(), lambda ghosts, ours: ghosts.is_probability == ours.is_probability)
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
    """Return the same means of the last iterations that the diagnosis names."""
    now = recent(snapshot)
    mean = now.mean if now else {}
    return rich_text(
        toned("D(x) ", "blue"), bold(finite_or_dash(mean.get("d_real"))),
        toned("  D(G(z)) ", "primary"), bold(finite_or_dash(mean.get("d_fake"))),
    )  # fmt: skip


def _now_caption(config: GANConfig) -> str:
    return f"Means of the last {RECENT} iterations, or of those since a setting was changed."


NOW = Panel("text_scores", "", "text", "discriminator cell", _now, caption=_now_caption, height=20)
CHART = Panel(
    "plot_scores", "Scores", "plot", "charts", lambda snapshot, options: scores(snapshot).payload(),
    caption=_caption, height=150, share=0.43, takes_turns=True,
)  # fmt: skip
