"""What a browser asks for while a run trains: ``GET live/<run>``, answered with the parts that have changed.

A tick of a Streamlit fragment costs the page's process five milliseconds before it draws anything, on the cores that
the run trains on. One plain request costs less than two.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard import parts
from dashboard.charts.lines import Axes
from dashboard.charts.points import LAYERS
from dashboard.session.run import report_of
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot

TICK = 0.25  # seconds between two looks at a running training
FAST = 2  # iterations between two looks: a chart that comes with every other look is then hardly behind
HINTS = {"train": parts.train_hint, "walk": parts.walk_hint}
# The bytes are packed already, and packing them again at each look would cost more than sending them.
HEADERS = {"Content-Encoding": "identity", "Cache-Control": "no-store"}


@dataclass(frozen=True)
class Drawn:
    """What a page was drawn for: where the run now stands otherwise, the page as a whole has to be drawn again.

    Its buttons depend on the state, its panels on the samples' shape; ``computing`` is said in a help text.
    """

    state: str
    settled: bool
    shape: tuple[int, ...] | None
    computing: str | None

    @classmethod
    def of(cls, report: Report) -> Self:
        """For a page drawn from ``report``. A running training is watched anyway: there nothing need settle."""
        snapshot = report.snapshot
        settled = report.settled or report.state == "running"
        return cls(
            report.state,
            settled,
            None if snapshot is None else snapshot.shape,
            None if snapshot is None else snapshot.computing,
        )

    @property
    def busy(self) -> bool:
        """Whether the run may change by itself."""
        return self.state in ("running", "starting") or not self.settled

    def outdated_by(self, report: Report) -> bool:
        """Whether the page was drawn for something else than what there is now."""
        now = Drawn.of(report)
        settled = now.settled and not self.settled
        return settled or (now.state, now.shape, now.computing) != (self.state, self.shape, self.computing)


@dataclass(frozen=True)
class Watch:
    """What one page looks at: which page it is, how the learner wants to see it, and what it was drawn for."""

    page: str
    drawn: Drawn
    look: parts.Look = field(default_factory=parts.Look)

    def query(self) -> str:
        """For an address."""
        axes = [name for name, on in asdict(self.look.axes).items() if on]
        return urlencode(
            {
                "page": self.page,
                "drawn": json.dumps(asdict(self.drawn)),
                "axes": ",".join(axes),
                "layers": ",".join(self.look.layers),
            }
        )

    @classmethod
    def of(cls, query: Any) -> Self:
        """From an address's query, a mapping of texts. ValueError if it is not one that ``query`` has made."""
        try:
            drawn = json.loads(query["drawn"])
            shape = drawn["shape"]
            drawn = Drawn(**{**drawn, "shape": None if shape is None else tuple(shape)})
            axes = Axes(**{name: True for name in query["axes"].split(",") if name})
            layers = tuple(name for name in query["layers"].split(",") if name)
            if query["page"] not in HINTS or not set(layers) <= set(LAYERS):
                raise ValueError(query["page"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("not a query that a page was drawn with") from error
        return cls(query["page"], drawn, parts.Look(axes, layers))


def follow(run_id: str, watch: Watch) -> dict[str, Any]:
    """What the page's script needs to follow a run: where to ask, and how often; None for a run that stands still."""
    return {"address": f"live/{run_id}?{watch.query()}", "every": TICK if watch.drawn.busy else None}


def charts_of(snapshot: Snapshot, turn: int) -> Sequence[str]:
    """The charts over the iterations that this look is to bring: one after the other, where a run is fast.

    Drawing one is the most expensive thing that a browser does here, and it often does it on the run's own cores.
    """
    slow = snapshot.iterations_per_second * TICK < FAST
    return parts.CHARTS if turn < 0 or slow else (parts.CHARTS[turn % len(parts.CHARTS)],)


def answer(report: Report, watch: Watch, since: int, turn: int = -1) -> bytes:
    """One answer: its head's length in four bytes, the head as JSON, the parts one after the other.

    Head: "again", whether the whole page has to be drawn anew; "revision" of what is sent; "parts", pairs of name and
    length in bytes, none where nothing has changed since revision ``since``. ``turn``: how many answers had some before;
    -1 asks for all.
    """
    snapshot = report.snapshot
    revision = -1 if snapshot is None else snapshot.revision
    made: parts.Parts = {}
    if snapshot is not None and revision != since:
        made = parts.bar(report, HINTS[watch.page])
        if watch.page == "train":
            made |= parts.panels(snapshot, watch.look, charts_of(snapshot, turn))
    head = {
        "again": watch.drawn.outdated_by(report),
        "revision": revision,
        "parts": [(name, len(part)) for name, part in made.items()],
    }
    packed = json.dumps(head).encode()
    return b"".join((len(packed).to_bytes(4, "big"), packed, *made.values()))


def _look(run_id: str, watch: Watch, since: int, turn: int) -> bytes:
    return answer(report_of(run_id), watch, since, turn)


async def _live(request: Request) -> Response:
    query = request.query_params
    try:
        watch, since, turn = Watch.of(query), int(query.get("since", -1)), int(query.get("turn", -1))
    except ValueError:
        return Response("live: the query should be the one that the page was drawn with; since and turn: numbers.", 400)
    body = await run_in_threadpool(_look, request.path_params["run"], watch, since, turn)
    return Response(body, media_type="application/octet-stream", headers=HEADERS)


def routes(base: str) -> list[Route]:
    """For the server; ``base`` is Streamlit's ``server.baseUrlPath``."""
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    return [Route(f"{prefix}/live/{{run}}", _live)]
