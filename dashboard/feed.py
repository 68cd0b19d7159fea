"""``GET live/<run>``: what a page's script asks for while a run trains, answered with the payloads that have changed.

A tick of a Streamlit fragment costs the page's process five milliseconds before it draws anything, on the cores that
the run trains on. One plain request costs less than two.
"""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self, get_args
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard import payloads, session
from dashboard.charts.lines import Axes
from dashboard.charts.points import LAYERS
from gan_core.runs.protocol import Report, State
from gan_core.snapshot import Snapshot

TICK = 0.25  # seconds between two requests while a run is busy
FAST = 2  # iterations in a tick from which a run's charts take turns; each is then hardly behind
HINTS = {"train": payloads.train_hint, "walk": payloads.walk_hint}
LAYOUT_VERSION = re.compile(rf"({'|'.join(get_args(State))})\.[\dx]*\.[\da-f]*\??")
UNSETTLED = "?"
# "identity" keeps the server from compressing each answer, which takes longer than sending the plain bytes.
HEADERS = {"Content-Encoding": "identity", "Cache-Control": "no-store"}


def layout_version(report: Report) -> str:
    """Return what the page's layout depends on, as a short text such as "paused.28x28.1f6e".

    The buttons depend on the state, the panels on the samples' shape, a help text on how updates are computed. A page that
    is drawn before the run has answered its last command is marked as unsettled; a running training never is, as it is
    followed anyway.
    """
    snapshot = report.snapshot
    shape = "x".join(map(str, snapshot.shape)) if snapshot else ""
    computing = f"{zlib.crc32(snapshot.computing.encode()):x}" if snapshot else ""
    settled = report.settled or report.state == "running"
    return f"{report.state}.{shape}.{computing}{'' if settled else UNSETTLED}"


def outdated(drawn: str, report: Report) -> bool:
    """Return whether a page that was drawn for layout version ``drawn`` must be drawn again for ``report``."""
    now = layout_version(report)
    return now != drawn and now != drawn + UNSETTLED


@dataclass(frozen=True)
class Watch:
    """What one page shows of a run: which page it is, the layout version that it was drawn for, and its view options."""

    page: str
    layout: str
    options: payloads.ViewOptions = field(default_factory=payloads.ViewOptions)

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
        if page not in HINTS or not set(layers) <= set(LAYERS) or not LAYOUT_VERSION.fullmatch(layout):
            raise ValueError("the query has an unknown page, layer or layout version")
        return cls(page, layout, payloads.ViewOptions(axes, layers))


def follow(run_id: str, watch: Watch) -> dict[str, Any]:
    """Return where the page's script asks, and every how many seconds; None while the run cannot change by itself."""
    busy = watch.layout.startswith(("running", "starting")) or watch.layout.endswith(UNSETTLED)
    return {"address": f"live/{run_id}?{watch.query()}", "every": TICK if busy else None}


def charts_of(snapshot: Snapshot, turn: int) -> Sequence[str]:
    """Return the charts over the iterations that this answer brings: one after the other while a run is fast.

    Drawing one is the most expensive thing that a browser does here, and it often does it on the run's own cores.
    """
    slow = snapshot.iterations_per_second * TICK < FAST
    return payloads.CHARTS if turn < 0 or slow else (payloads.CHARTS[turn % len(payloads.CHARTS)],)


def answer(report: Report, watch: Watch, since: int, turn: int = -1) -> dict[str, Any]:
    """Return one answer, which JSON can hold.

    "redraw": whether the whole page must be drawn again. "revision" of what is sent. "panels": payloads by panel name, none
    if nothing has changed since revision ``since``. ``turn``: how many answers had payloads before; -1 asks for all charts.
    """
    snapshot = report.snapshot
    revision = -1 if snapshot is None else snapshot.revision
    panels: payloads.Payloads = {}
    if snapshot is not None and revision != since:
        panels = payloads.bar(report, HINTS[watch.page])
        if watch.page == "train":
            panels |= payloads.panels(snapshot, watch.options, charts_of(snapshot, turn))
    return {"redraw": outdated(watch.layout, report), "revision": revision, "panels": panels}


def _body(run_id: str, watch: Watch, since: int, turn: int) -> bytes:
    return json.dumps(answer(session.report_of(run_id), watch, since, turn), separators=(",", ":")).encode()


async def _live(request: Request) -> Response:
    query = request.query_params
    try:
        watch, since, turn = Watch.of(query), int(query.get("since", -1)), int(query.get("turn", -1))
    except ValueError:
        return Response("live: the query should be the one that the page was drawn with; since and turn: numbers.", 400)
    body = await run_in_threadpool(_body, request.path_params["run"], watch, since, turn)
    return Response(body, media_type="application/json", headers=HEADERS)


def routes(base: str) -> list[Route]:
    """Return the server's routes; ``base`` is Streamlit's ``server.baseUrlPath``."""
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    return [Route(f"{prefix}/live/{{run}}", _live)]
