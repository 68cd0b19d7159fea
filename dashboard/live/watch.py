"""What a page shows of a run, as the query of the address at which its script asks for updates."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self, get_args
from urllib.parse import urlencode

from dashboard.charts.lines import Axes
from dashboard.charts.points import LAYERS
from dashboard.panels.base import ViewOptions
from gan_core.runs.protocol import Report, State

TICK = 0.25  # seconds between two requests while a run is busy
SOON = 0.1  # the same while the run has yet to answer a command
LAYOUT_VERSION = re.compile(rf"({'|'.join(get_args(State))})\.[\dx]*\.[\da-f]*\??")
UNSETTLED = "?"


def layout_version(report: Report) -> str:
    """Return what the page's layout depends on, as a short text such as "paused.28x28.1f6e".

    The buttons depend on the state, the panels on the samples' shape, a help text on how updates are computed, the notice on
    the warning, the widgets on the changes of a recipe that is repeated. A page that is drawn before the run has answered its
    last command is marked as unsettled; a running training never is, as it is followed anyway.
    """
    snapshot = report.snapshot
    shape = "x".join(map(str, snapshot.shape)) if snapshot else ""
    repeated = len(snapshot.changes) if snapshot and snapshot.rebuilding else ""
    computing = f"{zlib.crc32(f'{snapshot.computing}{report.warning}{repeated}'.encode()):x}" if snapshot else ""
    settled = report.settled or report.state == "running"
    return f"{report.state}.{shape}.{computing}{'' if settled else UNSETTLED}"


def outdated(drawn: str, report: Report) -> bool:
    """Return whether a page that was drawn for layout version ``drawn`` must be drawn again for ``report``."""
    now = layout_version(report)
    return now != drawn and now != drawn + UNSETTLED


@dataclass(frozen=True)
class Watch:
    """What one page shows of a run: its url_path, the layout version that it was drawn for, and its view options."""

    page: str
    layout: str
    options: ViewOptions = field(default_factory=ViewOptions)

    def query(self) -> str:
        """Return the query part of an address; ``of`` reads it."""
        axes = [name for name, on in asdict(self.options.axes).items() if on]
        layers = ",".join(self.options.layers)
        return urlencode({"page": self.page, "layout": self.layout, "axes": ",".join(axes), "layers": layers})

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read what ``query`` has written; ValueError if this is something else."""
        try:
            page, layout = query["page"], query["layout"]
            axes = Axes(**{name: True for name in query["axes"].split(",") if name})
            layers = tuple(name for name in query["layers"].split(",") if name)
        except (KeyError, TypeError) as error:
            raise ValueError("the query lacks a field, or has an unknown axis") from error
        if not set(layers) <= set(LAYERS) or not LAYOUT_VERSION.fullmatch(layout):
            raise ValueError("the query has an unknown layer or layout version")
        return cls(page, layout, ViewOptions(axes, layers))


def follow(feed: str, watch: Watch) -> dict[str, Any]:
    """Return where the page's script asks, and every how many seconds; None while the run cannot change by itself.

    "outdated": how many answers in a row must ask for a new drawing until the page runs again. One may come just before a
    click's own run of the page; a page that was drawn before the run had answered waits for no other.
    """
    unsettled = watch.layout.endswith(UNSETTLED)
    busy = watch.layout.startswith(("running", "starting"))
    every = SOON if unsettled else TICK if busy else None
    return {"address": f"live/{feed}?{watch.query()}", "every": every, "outdated": 1 if unsettled else 2}
