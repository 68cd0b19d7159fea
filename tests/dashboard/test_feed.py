"""What the page's script asks for while a run trains."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from dashboard import feed, parts
from dashboard.charts.lines import Axes
from dashboard.charts.points import LAYERS
from gan_core.runs.protocol import Report, State
from gan_core.runs.registry import Registry
from gan_core.snapshot import Snapshot
from tests.dashboard.conftest import apart, component, follows, healthy
from tests.dashboard.views.test_train import only_run, press

SnapshotOf = Callable[..., Snapshot]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


Server = Callable[[str], Answer]


@pytest.fixture
def server(registry: Registry) -> Server:
    """The routes of the page's server, for the runs of this test."""
    server = Starlette(routes=feed.routes("/base/"))

    def get(address: str) -> Answer:
        path, _, query = address.partition("?")
        scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
        sent: list[Any] = []

        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        with ThreadPoolExecutor(1) as thread:  # in this one a browser's tests may have a loop running
            thread.submit(asyncio.run, server(scope, receive, send)).result()
        start, *bodies = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, b"".join(body.get("body", b"") for body in bodies))

    return get


def parts_of(body: bytes) -> tuple[Any, dict[str, bytes]]:
    """An answer's head, and its parts by name."""
    head, rest = apart(body)
    made = {}
    for name, length in head["parts"]:
        made[name], rest = rest[:length], rest[length:]
    assert not rest
    return head, made


def report(snapshot: Snapshot | None, state: State = "running", settled: bool = True) -> Report:
    return Report(state, snapshot, settled=settled)


def ask(server: Server, app: AppTest, since: int = -1) -> tuple[Any, dict[str, bytes]]:
    """As the page that this visitor sees would."""
    answer = server(f"/base/{follows(app)['address']}&since={since}")
    assert answer.status == 200, answer.body
    return parts_of(answer.body)


def test_a_running_page_is_told_of_what_it_shows_and_nothing_else(app: AppTest, server: Server) -> None:
    press(app, "start")
    head, made = ask(server, app)
    assert made.keys() == {parts.MESSAGE, parts.STATUS, parts.SCORES_NOW, parts.LOSSES, parts.SCORES, parts.FAKES}
    for name in made:
        assert component(app, name), "each has a place on the page"
    assert not head["again"]
    assert b"Iteration **" in made[parts.STATUS]
    assert len(json.loads(made[parts.LOSSES])["data"]) >= 4


def test_the_plane_has_parts_of_its_own(app: AppTest, server: Server) -> None:
    healthy(app.selectbox(key="dataset").set_value("ring").run())
    press(app, "start")
    made = ask(server, app)[1]
    assert made.keys() >= {parts.PLANE, parts.MEASURES, parts.STRIP}
    for name in made:
        assert component(app, name), "each has a place on the page"


def test_the_script_asks_while_the_run_is_busy_alone(app: AppTest) -> None:
    assert follows(app)["every"] is None
    press(app, "start")
    assert follows(app)["every"] == feed.TICK
    press(app, "pause")
    assert follows(app)["every"] is None


def test_a_fast_run_brings_one_chart_at_a_time_and_a_slow_one_both(snapshot: SnapshotOf) -> None:
    for speed, expected in ((100.0, [{parts.LOSSES}, {parts.SCORES}] * 2), (1.0, [{parts.LOSSES, parts.SCORES}] * 4)):
        now = report(replace(snapshot(3), iterations_per_second=speed))
        watch = feed.Watch("train", feed.Drawn.of(now))
        brought = [parts_of(feed.answer(now, watch, 0, turn))[1].keys() & parts.CHARTS for turn in range(4)]
        assert brought == expected
        assert parts_of(feed.answer(now, watch, 0))[1].keys() >= set(parts.CHARTS)


def test_what_has_not_changed_is_not_sent_again(app: AppTest, server: Server) -> None:
    press(app, "step")
    head, made = ask(server, app)
    assert made
    assert ask(server, app, since=head["revision"]) == (head | {"parts": []}, {})


def test_a_look_is_no_visit(app: AppTest, server: Server, registry: Registry) -> None:
    """A page that was closed may still have a question on its way: its run is left nevertheless."""
    run = only_run(registry)
    run.left()
    run.last_seen -= 100
    seen, left = run.last_seen, run.left_at
    ask(server, app)
    assert run.left_at == left is not None
    assert run.last_seen > seen + 90


def test_a_page_is_drawn_again_where_its_run_has_ended(app: AppTest, server: Server, registry: Registry) -> None:
    press(app, "start")
    registry.end(only_run(registry).id)
    head, made = ask(server, app)
    assert head["again"]
    assert not made


def test_a_page_is_drawn_again_for_another_state_shape_or_way_of_computing(snapshot: SnapshotOf) -> None:
    first = snapshot(1)
    drawn = feed.Drawn.of(report(first))
    assert not drawn.outdated_by(report(first))
    assert not drawn.outdated_by(report(replace(first, iteration=9)))
    assert drawn.outdated_by(report(first, "paused"))
    assert drawn.outdated_by(report(replace(first, shape=(2,))))
    assert drawn.outdated_by(report(replace(first, computing="otherwise")))
    assert feed.Drawn.of(report(None, "starting")).outdated_by(report(first, "paused"))


def test_a_page_that_was_drawn_too_early_is_drawn_again_once_the_run_has_answered(snapshot: SnapshotOf) -> None:
    early = feed.Drawn.of(report(snapshot(1), "paused", settled=False))
    assert early.busy
    assert not early.outdated_by(report(snapshot(1), "paused", settled=False))
    assert early.outdated_by(report(snapshot(1), "paused"))
    late = feed.Drawn.of(report(snapshot(1), "paused"))
    assert not late.busy
    assert not late.outdated_by(report(snapshot(1), "paused", settled=False))


def test_the_walk_page_is_told_where_the_run_stands_and_draws_the_rest_itself(snapshot: SnapshotOf) -> None:
    now = report(snapshot(2))
    made = parts_of(feed.answer(now, feed.Watch("walk", feed.Drawn.of(now)), -1))[1]
    assert made.keys() == {parts.MESSAGE, parts.STATUS}
    assert b"Training runs on" in made[parts.MESSAGE]


drawn_pages = st.builds(
    feed.Drawn,
    st.sampled_from(["starting", "running", "paused", "failed"]),
    st.booleans(),
    st.none() | st.sampled_from([(28, 28), (2,)]),
    st.none() | st.text(),
)
looks = st.builds(
    parts.Look,
    st.builds(Axes, st.booleans(), st.booleans()),
    st.lists(st.sampled_from(list(LAYERS)), unique=True).map(tuple),
)


@given(st.builds(feed.Watch, st.sampled_from(["train", "walk"]), drawn_pages, looks))
def test_what_a_page_looks_at_comes_back_from_its_address(watch: feed.Watch) -> None:
    query = dict(parse_qsl(urlsplit(feed.follow("run", watch)["address"]).query, keep_blank_values=True))
    assert feed.Watch.of(query) == watch


@pytest.mark.parametrize(
    "wrong",
    [
        *({"page": "no"}, {"axes": "z"}, {"layers": "x"}, {"since": "x"}, {"turn": "x"}),
        *({"drawn": text} for text in ("1", "{}", "x")),
    ],
)
def test_a_wrong_question_is_refused(app: AppTest, server: Server, wrong: dict[str, str]) -> None:
    press(app, "start")
    address = urlsplit(follows(app)["address"])
    query = dict(parse_qsl(address.query, keep_blank_values=True)) | {"since": "-1"}
    assert server(f"/base/{address.path}?{urlencode(query)}").status == 200
    answer = server(f"/base/{address.path}?{urlencode(query | wrong)}")
    assert answer.status == 400
    assert b"the query should be" in answer.body


def test_nothing_is_kept_or_packed_on_the_way(app: AppTest, server: Server) -> None:
    answer = server(f"/base/{follows(app)['address']}")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-encoding"] == "identity"
