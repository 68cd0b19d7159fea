"""What the server answers to the page's script while a run trains."""

import asyncio
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from dashboard import theme
from dashboard.charts.lines import Axes
from dashboard.charts.points import LAYERS
from dashboard.live import answer as channel
from dashboard.live.watch import SOON, TICK, Watch, follow, layout_version, outdated
from dashboard.panels import PANELS
from dashboard.panels.base import ViewOptions
from dashboard.views import PAGES
from gan_core.history import History
from gan_core.runs.protocol import Report, State
from gan_core.runs.registry import Registry
from gan_core.snapshot import Change, Ghost, Recipe, SingleUpdate, Snapshot
from tests.dashboard.conftest import close_pages, component, components, follows, healthy, markdown, png_of
from tests.dashboard.views.test_train import only_run, press

SnapshotOf = Callable[..., Snapshot]
HistoryOf = Callable[[int], History]

CHARTS = {panel.key: panel for panel in PANELS if panel.takes_turns}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


Server = Callable[[str], Answer]


@pytest.fixture
def server(registry: Registry) -> Server:
    """The routes of the page's server, for the runs of this test."""
    server = Starlette(routes=channel.routes("/base/"))

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


def answer_to(report: Report, watch: Watch, since: int = -1, turn: int = -1, repeats: int = 0) -> dict[str, Any]:
    """Return the answer for the page that ``watch`` names."""
    page = next(page for page in PAGES if page.url_path == watch.page)
    return channel.answer(report, watch, page, since, turn, repeats)


def report(snapshot: Snapshot | None, state: State = "running", settled: bool = True) -> Report:
    return Report(state, snapshot, settled=settled)


def ask(server: Server, app: AppTest, since: int = -1) -> dict[str, Any]:
    """Return the answer to the request that this visitor's page would send."""
    answer = server(f"/base/{follows(app)['address']}&since={since}")
    assert answer.status == 200, answer.body
    return json.loads(answer.body)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["plot.js", "live.js", "plotly.min.js"])
def test_scripts_are_served_from_where_they_are_installed(server: Server, name: str) -> None:
    answer = server(f"/base/modules/{name}")
    assert answer.status == 200
    assert "javascript" in answer.headers["content-type"]
    assert int(answer.headers["content-length"]) > 1000
    assert server(f"/base/modules/../{name}").status == 404


def test_a_kept_moment_is_answered_as_it_was_and_marked_on_the_charts(
    app: AppTest, server: Server, registry: Registry
) -> None:
    for _ in range(3):
        press(app, "step")
    now = ask(server, app)["panels"]
    then = json.loads(server(f"/base/{follows(app)['address']}&moment=2").body)["panels"]
    assert then["picture_fakes"]["alt"].endswith("after 2 iterations")
    assert then["picture_fakes"]["src"] != now["picture_fakes"]["src"]
    assert {"status", "text_message", "time"}.isdisjoint(then), "these show the run as it is"
    for key in CHARTS:
        marked = [shape for shape in then[key]["layout"]["shapes"] if shape["line"]["color"] == theme.MOMENT]
        assert [(shape["x0"], shape["x1"]) for shape in marked] == [(2, 2)], key
        assert then[key]["data"] == now[key]["data"], "the curves are those of the whole run"


@pytest.mark.parametrize("moment", ["99", "-1", "99999999999999999999"])
def test_a_moment_that_is_not_kept_is_not_found(app: AppTest, server: Server, moment: str) -> None:
    press(app, "step")
    answer = server(f"/base/{follows(app)['address']}&moment={moment}")
    assert answer.status == 404
    assert answer.body == f"Iteration {moment} is not kept.".encode()


@pytest.mark.parametrize("moment", ["", "x", "1e309", "../run"])
def test_a_moment_that_is_no_number_is_refused(app: AppTest, server: Server, moment: str) -> None:
    assert server(f"/base/{follows(app)['address']}&moment={moment}").status == 400


def test_the_runs_id_alone_brings_no_updates(app: AppTest, server: Server, registry: Registry) -> None:
    press(app, "step")
    query = follows(app)["address"].partition("?")[2]
    assert ask(server, app)["panels"]
    by_id = json.loads(server(f"/base/live/{only_run(registry).id}?{query}&since=-1").body)
    assert not by_id["panels"]


def test_an_answer_brings_the_panels_of_the_page_and_nothing_else(app: AppTest, server: Server) -> None:
    press(app, "start")
    answer = ask(server, app)
    made = answer["panels"]
    assert made.keys() == {
        *("text_message", "status", "text_scores", "picture_fakes", "lit_cells", "time"),
        *CHARTS,
    }
    for name in made:
        assert component(app, name), "each panel is mounted on the page"
    assert not answer["redraw"]
    assert "Iteration **" in markdown(made["status"])
    assert len(made["plot_losses"]["data"]) >= 4
    assert png_of(made["picture_fakes"]).startswith(b"\x89PNG")


def test_an_answer_on_2d_data_brings_its_own_panels(app: AppTest, server: Server) -> None:
    healthy(app.selectbox(key="dataset").set_value("ring").run())
    press(app, "start")
    made = ask(server, app)["panels"]
    assert made.keys() >= {"plot_plane", "text_measures", "picture_fake_strip"}
    for name in made:
        assert component(app, name), "each panel is mounted on the page"


def test_a_redrawn_page_differs_in_every_updated_panel_and_in_no_other(app: AppTest, server: Server) -> None:
    """Streamlit's frontend passes over a component whose data equals its last data, whatever it shows by now."""
    live = {*ask(server, app)["panels"], "picture_fake_strip"}
    before = components(app)
    press(app, "reset")
    after = components(app)
    assert {key for key in before if before[key] != after[key]} == live


def test_the_script_asks_only_while_the_run_is_busy(app: AppTest) -> None:
    assert follows(app)["every"] is None
    press(app, "start")
    assert follows(app)["every"] == TICK
    press(app, "pause")
    assert follows(app)["every"] is None


def test_charts_take_turns_until_each_shows_the_revision(snapshot: SnapshotOf) -> None:
    now = report(snapshot(3))
    watch = Watch("train", layout_version(now))
    whole = answer_to(now, watch)["panels"].keys()
    assert whole > CHARTS.keys()
    answer = answer_to(now, watch, turn=4)
    first, revision = answer["panels"].keys(), answer["revision"]
    assert first > whole - CHARTS.keys()
    assert len(first & CHARTS.keys()) == 1
    then = [
        answer_to(now, watch, revision, turn=4 + repeats, repeats=repeats)["panels"].keys() for repeats in (1, 2, 3)
    ]
    assert {*first, *then[0], *then[1]} == whole
    assert [len(keys) for keys in then] == [1, 1, 0], "nothing else is sent again"


def test_unchanged_payloads_are_not_sent_again(app: AppTest, server: Server) -> None:
    press(app, "step")
    answer = ask(server, app)
    assert answer["panels"]
    assert ask(server, app, since=answer["revision"]) == answer | {"panels": {}}


def test_an_answer_holds_numbers_that_are_not_finite_as_null(snapshot: SnapshotOf) -> None:
    now = report(replace(snapshot(1), singles=(SingleUpdate(1, "D", math.nan),)))
    answer = answer_to(now, Watch("train", layout_version(now)), -1)
    json.dumps(answer, allow_nan=False)
    traces = {trace["name"]: trace for trace in answer["panels"]["plot_losses"]["data"]}
    assert traces["D alone"]["y"] == [None]


@pytest.mark.parametrize("dataset", ["digits", "ring"])
def test_an_update_stays_under_60_kilobytes(snapshot: SnapshotOf, history_of: HistoryOf, dataset: str) -> None:
    """Fakes of an untrained generator and noisy curves: nothing here can be compressed."""
    made = snapshot(0, dataset=dataset, generator_batch_norm=False)
    fake = np.random.default_rng(0).uniform(-1, 1, made.fake.shape).astype(np.float32)
    ghost = Ghost.of(made.config, history_of(5000).trace())
    now = report(replace(made, fake=fake, trace=history_of(5000).trace(), ghost=ghost))
    watch = Watch("train", layout_version(now), ViewOptions(layers=tuple(LAYERS)))
    for turn in range(len(CHARTS)):
        assert len(json.dumps(answer_to(now, watch, -1, turn))) < 60_000


def test_a_request_for_updates_does_not_count_as_an_open_page(app: AppTest, server: Server, registry: Registry) -> None:
    """A page that was closed may still have a request on its way; its run counts as left nevertheless."""
    run = only_run(registry)
    close_pages(run)
    registry.sweep()
    left = run.closed_at
    ask(server, app)
    registry.sweep()
    assert run.closed_at == left is not None


def test_a_page_is_drawn_again_after_its_run_has_ended(app: AppTest, server: Server, registry: Registry) -> None:
    press(app, "start")
    registry.end(only_run(registry).id)
    answer = ask(server, app)
    assert answer["redraw"]
    assert not answer["panels"]


def test_a_page_is_drawn_again_for_another_state_shape_or_way_of_computing(snapshot: SnapshotOf) -> None:
    first = snapshot(1)
    drawn = layout_version(report(first))
    assert not outdated(drawn, report(first))
    assert not outdated(drawn, report(replace(first, iteration=9)))
    assert outdated(drawn, report(first, "paused"))
    assert outdated(drawn, report(replace(first, shape=(2,))))
    assert outdated(drawn, report(replace(first, computing="otherwise")))
    assert outdated(layout_version(report(None, "starting")), report(first, "paused"))


def test_a_page_is_drawn_again_for_each_change_that_a_rebuilt_run_makes(snapshot: SnapshotOf) -> None:
    before = replace(snapshot(1), rebuilding=Recipe(9))
    after = replace(before, changes=(Change(1, {"g_steps": 3}),))
    assert outdated(layout_version(report(before)), report(after))
    made = answer_to(report(after), Watch("train", layout_version(report(after))), -1)["panels"]
    assert {"progress": 1 / 9} in made["text_message"]["lines"][0]


def test_a_page_that_was_drawn_unsettled_is_drawn_again_once_the_run_has_answered(snapshot: SnapshotOf) -> None:
    settled, unsettled = report(snapshot(1), "paused"), report(snapshot(1), "paused", settled=False)
    early, late = layout_version(unsettled), layout_version(settled)
    assert follow("run", Watch("train", early)).items() >= {"every": SOON, "outdated": 1}.items()
    running = layout_version(report(snapshot(1)))
    assert follow("run", Watch("train", running)).items() >= {"every": TICK, "outdated": 2}.items()
    assert not outdated(early, unsettled)
    assert outdated(early, settled)
    assert follow("run", Watch("train", late))["every"] is None
    assert not outdated(late, unsettled)


def test_a_running_training_counts_as_settled(snapshot: SnapshotOf) -> None:
    drawn = layout_version(report(snapshot(1), settled=False))
    assert drawn == layout_version(report(snapshot(1)))
    assert not outdated(drawn, report(snapshot(1)))


def test_an_answer_to_the_step_through_page_brings_the_transports_texts_only(snapshot: SnapshotOf) -> None:
    now = report(snapshot(2))
    made = answer_to(now, Watch("walk", layout_version(now)), -1)["panels"]
    assert made.keys() == {"text_message", "status"}
    assert "Training runs on" in markdown(made["text_message"])


@st.composite
def layouts(draw: st.DrawFn) -> str:
    """Layout versions of real reports."""
    state = draw(st.sampled_from(get_args(State)))
    shape = draw(st.sampled_from([(28, 28), (2,)]))
    looks = SimpleNamespace(shape=shape, computing=draw(st.text()), rebuilding=None)
    shown = draw(st.none() | st.just(looks))
    return layout_version(Report(state, shown, settled=draw(st.booleans())))  # type: ignore[arg-type]


options = st.builds(
    ViewOptions,
    st.builds(Axes, st.booleans(), st.booleans()),
    st.lists(st.sampled_from(list(LAYERS)), unique=True).map(tuple),
)


@given(st.builds(Watch, st.sampled_from(["train", "walk"]), layouts(), options))
def test_a_watch_is_read_back_from_its_address(watch: Watch) -> None:
    query = dict(parse_qsl(urlsplit(follow("run", watch)["address"]).query, keep_blank_values=True))
    assert Watch.of(query) == watch


@pytest.mark.parametrize(
    "wrong",
    [
        *({"page": "no"}, {"axes": "z"}, {"layers": "x"}, {"since": "x"}, {"turn": "x"}, {"repeats": "x"}),
        *({"layout": text} for text in ("1", "{}", "x", "flying.28x28.0")),
    ],
)
def test_a_wrong_query_is_refused_with_a_sentence(app: AppTest, server: Server, wrong: dict[str, str]) -> None:
    press(app, "start")
    address = urlsplit(follows(app)["address"])
    query = dict(parse_qsl(address.query, keep_blank_values=True)) | {"since": "-1"}
    assert server(f"/base/{address.path}?{urlencode(query)}").status == 200
    answer = server(f"/base/{address.path}?{urlencode(query | wrong)}")
    assert answer.status == 400
    assert b"the query should be" in answer.body


def test_an_answer_is_neither_cached_nor_compressed(app: AppTest, server: Server) -> None:
    answer = server(f"/base/{follows(app)['address']}")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-encoding"] == "identity"
