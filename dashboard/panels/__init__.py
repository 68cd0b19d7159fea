"""The live panels of the Train page. To add one, write its file and name it in ``PANELS``."""

from dashboard.charts.lines import cursor
from dashboard.panels import accuracy, images, losses, points, scores, slow_motion, time
from dashboard.panels.base import Panel, Payload, Place, Shape, ViewOptions
from gan_core.runs.moments import Moment
from gan_core.snapshot import Snapshot

PANELS: tuple[Panel, ...] = (
    slow_motion.PANEL,
    images.FAKE_POINTS,
    images.FAKE_ROW,
    images.REAL_ROW,
    scores.NOW,
    losses.PANEL,
    scores.CHART,
    accuracy.PANEL,
    points.CHART,
    points.MEASURES,
    images.FAKES,
    images.REALS,
    time.PANEL,
)


def shown_panels(shape: Shape, place: Place | None = None) -> list[Panel]:
    """Return the panels for samples of this shape, in their order; with ``place``, only those there."""
    return [panel for panel in PANELS if panel.shown(shape) and place in (None, panel.place)]


def page_payloads(snapshot: Snapshot, options: ViewOptions) -> dict[str, Payload]:
    """Return the payload of every panel that these samples show, by key."""
    shown = shown_panels(snapshot.shape)
    made = {panel.key: panel.payload(snapshot, options) for panel in shown if not panel.source}
    return made | {panel.key: made[panel.source] for panel in shown if panel.source}


def update_payloads(
    snapshot: Snapshot, options: ViewOptions, turn: int = -1, behind: bool = False
) -> dict[str, Payload]:
    """Return the payloads of one update by key; ``turn`` counts them, -1 asks for all panels.

    ``behind``: only the panel whose turn it is, because the others show this snapshot already.
    """
    shown = [panel for panel in shown_panels(snapshot.shape) if panel.updated and not panel.source]
    if turn >= 0:
        turns = turn_keys(snapshot.shape)
        next_key = turns[turn % len(turns)]
        shown = [panel for panel in shown if panel.key == next_key or not (panel.takes_turns or behind)]
    return {panel.key: panel.payload(snapshot, options) for panel in shown}


def moment_payloads(snapshot: Snapshot, moment: Moment, options: ViewOptions) -> dict[str, Payload]:
    """Return the payloads with which the page shows a moment: the run as it was, and a mark on the charts of all of it."""
    then = snapshot.at(moment.iteration, moment.fake, moment.points)
    made = {}
    for panel in shown_panels(snapshot.shape):
        if panel.updated and not panel.source and panel.kind != "time":
            over_time = panel.place in ("wide charts", "charts")
            made[panel.key] = panel.payload(snapshot if over_time else then, options)
            if over_time:
                made[panel.key]["layout"]["shapes"].append(cursor(max(moment.iteration, 1)))
    return made


def turn_keys(shape: Shape) -> list[str]:
    """Return the keys of the panels of which each update has only one."""
    return [panel.key for panel in shown_panels(shape) if panel.takes_turns]
