"""The server's own addresses. ``GET live/<feed>``: what a page's script asks for while a run trains, answered with the
payloads that have changed. ``GET modules/<name>.js``: that script.

A tick of a Streamlit fragment costs the page's process five milliseconds before it draws anything, on the cores that
the run trains on. One plain request costs less than two.
"""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from dashboard import views
from dashboard.charts.explain import status_line
from dashboard.components.live import MODULES
from dashboard.live.watch import Watch, outdated
from dashboard.panels import moment_payloads, turn_keys, update_payloads
from dashboard.panels.base import Payload
from dashboard.session.run import moment_of, report_of
from dashboard.views.message import MESSAGE
from dashboard.views.shell import STATUS, Page
from gan_core.runs.protocol import Report

# "identity" keeps the server from compressing each answer, which takes longer than sending the plain bytes.
HEADERS = {"Content-Encoding": "identity", "Cache-Control": "no-store"}

NUMBERS = {"since": -1, "turn": -1, "repeats": 0}  # of the query, with what they are where it lacks them


def answer(report: Report, watch: Watch, page: Page, since: int, turn: int = -1, repeats: int = 0) -> dict[str, Any]:
    """Return one answer, which JSON can hold.

    "redraw": whether the whole page must be drawn again. "revision" of what is sent. "panels": payloads by panel name, none
    if all panels show this revision. ``turn``: how many answers had payloads before; -1 asks for all panels.
    ``repeats``: how many of these were of revision ``since``.
    """
    snapshot = report.snapshot
    revision = -1 if snapshot is None else snapshot.revision
    made: dict[str, Payload] = {}
    if snapshot is not None and revision != since:
        made = {MESSAGE: page.hint(report), STATUS: status_line(report)}
        if page.has_panels:
            made |= update_payloads(snapshot, watch.options, turn)
    elif snapshot is not None and page.has_panels and turn >= 0 and repeats < len(turn_keys(snapshot.shape)):
        made = update_payloads(snapshot, watch.options, turn, behind=True)
    return {"redraw": outdated(watch.layout, report), "revision": revision, "panels": made}


async def _live(request: Request) -> Response:
    query = request.query_params
    try:
        watch = Watch.of(query)
        since, turn, repeats = (int(query.get(name, unset)) for name, unset in NUMBERS.items())
        moment = int(query["moment"]) if "moment" in query else None
        page = next(page for page in views.PAGES if page.url_path == watch.page)
    except (ValueError, StopIteration):
        return Response(
            "live: the query should be the one that the page was drawn with; since, turn, repeats: numbers.", 400
        )

    def respond() -> Response:
        if moment is not None:
            found = moment_of(request.path_params["feed"], moment)
            if found is None:
                return Response(f"Iteration {moment} is not kept.", 404)
            return JSONResponse({"panels": moment_payloads(*found, watch.options)}, headers=HEADERS)
        report = report_of(request.path_params["feed"])
        return JSONResponse(answer(report, watch, page, since, turn, repeats), headers=HEADERS)

    return await run_in_threadpool(respond)


def routes(base: str) -> list[BaseRoute]:
    """Return the server's routes; ``base`` is Streamlit's ``server.baseUrlPath``."""
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    # Served from where they are installed: the user who runs this may not be allowed to write beside the program.
    modules = StaticFiles(directory=MODULES, packages=[("plotly", "package_data")])
    return [Route(f"{prefix}/live/{{feed}}", _live), Mount(f"{prefix}/modules", modules)]
