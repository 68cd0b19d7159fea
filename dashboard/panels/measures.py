"""How far apart fakes and real points are, in numbers."""

from dashboard.charts.rich_text import Span, bold, rich_text
from dashboard.panels.base import Panel, Payload, for_points
from gan_core.snapshot import Snapshot


def measures(snapshot: Snapshot) -> Payload:
    """Return divergence, modes and good samples as one line of text."""
    view = snapshot.points
    if view is None:
        return rich_text()
    spans: list[str | Span] = [
        "Divergence ",
        bold(f"{view.divergence:.2f}"),
        f" bits (two real samples: {view.floor:.2f})",
    ]
    if view.modes:
        spans += [" · modes ", bold(f"{view.covered} of {view.modes}"), " · good samples ", bold(f"{view.good:.0%}")]
    return rich_text(*spans)


PANEL = Panel(
    key="text_measures",
    title="",
    kind="text",
    place="samples",
    payload=lambda snapshot, options: measures(snapshot),
    shown=for_points,
    height=40,
    small=True,
)
