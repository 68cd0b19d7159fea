"""The live panels of the Train page. To add one, write its file and name it in ``PANELS``."""

from dashboard.panels import fakes, losses, measures, points, reals, scores, scores_now, strips
from dashboard.panels.base import Panel, Payload, ViewOptions
from gan_core.snapshot import Snapshot

PANELS: tuple[Panel, ...] = (
    strips.FAKE_POINTS,
    strips.FAKE_ROW,
    strips.REAL_ROW,
    scores_now.PANEL,
    losses.PANEL,
    scores.PANEL,
    points.PANEL,
    measures.PANEL,
    fakes.PANEL,
    reals.PANEL,
)

FAST = 8.0  # iterations per second from which panels take turns: each is then hardly behind


def page_payloads(snapshot: Snapshot, options: ViewOptions) -> dict[str, Payload]:
    """Return the payload of every panel that these samples show, by key."""
    shown = [panel for panel in PANELS if panel.shown(snapshot.shape)]
    made = {panel.key: panel.payload(snapshot, options) for panel in shown if not panel.source}
    return made | {panel.key: made[panel.source] for panel in shown if panel.source}


def update_payloads(snapshot: Snapshot, options: ViewOptions, turn: int = -1) -> dict[str, Payload]:
    """Return the payloads of one update by key; ``turn`` counts them, -1 asks for all panels."""
    shown = [panel for panel in PANELS if panel.shown(snapshot.shape) and panel.updated and not panel.source]
    turns = [panel for panel in shown if panel.takes_turns]
    if turn >= 0 and snapshot.iterations_per_second >= FAST:
        skipped = set(turns) - {turns[turn % len(turns)]} if turns else set()
        shown = [panel for panel in shown if panel not in skipped]
    return {panel.key: panel.payload(snapshot, options) for panel in shown}
