"""What a tab does with a run that has failed, that belongs to another browser, or that cannot begin anew."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import server, state
from gan_core.runs.protocol import Failure, Pause, Report
from gan_core.runs.registry import Registry
from gan_core.runs.run import CannotStart
from tests.dashboard.conftest import APP, close_pages, healthy, texts
from tests.dashboard.views.test_train import only_run, press


def opened(query: dict[str, Any]) -> AppTest:
    """Open an address in a new tab."""
    page = AppTest.from_file(APP, default_timeout=30)
    for name, text in query.items():
        page.query_params[name] = text
    return healthy(page.run())


def iteration(registry: Registry, run_id: str) -> int:
    run = registry.get(run_id)
    assert run is not None
    snapshot = run.poll().snapshot
    assert snapshot is not None
    return snapshot.iteration


def test_the_same_browser_finds_its_run_and_another_begins_its_own(
    app: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(app, "step")
    run = only_run(registry)
    close_pages(run)
    monkeypatch.setattr(server, "browser_secret", lambda: "a thief's browser")
    thief = opened(app.query_params)
    assert len(registry._runs) == 2
    assert thief.query_params["run"] != app.query_params["run"]
    assert "The run in the address belongs to another browser, or is open in another tab." in texts(thief)
    press(thief, "step")
    assert "belongs to another browser" not in texts(thief)
    monkeypatch.setattr(server, "browser_secret", lambda: "a browser")
    again = opened(app.query_params)
    assert again.query_params["run"] == app.query_params["run"]
    assert len(registry._runs) == 2


def test_a_private_link_opens_the_run_and_leaves_no_key_in_the_address(
    app: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(app, "step")
    run = only_run(registry)
    close_pages(run)
    monkeypatch.setattr(server, "browser_secret", lambda: "my other device")
    wrong = opened({"run": run.id, "key": "guessed"})
    assert wrong.query_params["run"] != run.id
    device = opened({"run": run.id, "key": run.access.key})
    assert device.query_params["run"] == run.id
    assert "key" not in device.query_params


def test_a_run_whose_process_was_ended_is_opened_again_by_its_own_tab(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    run = only_run(registry)
    registry.end(run.id)
    healthy(app.run())
    assert only_run(registry).id == run.id
    assert iteration(registry, run.id) == 1
    assert "has ended" not in texts(app)


def test_a_tab_whose_run_was_opened_in_another_tab_says_so(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    run = only_run(registry)
    close_pages(run)
    assert "belongs to another browser" not in texts(opened(app.query_params))
    healthy(app.run())
    assert "This run is now open in another tab of this browser." in texts(app)
    press(app, "start")
    assert len(registry._runs) == 2, "the other tab keeps it"


def test_a_failed_run_goes_on_from_its_last_save_with_the_settings_as_they_stand(
    app: AppTest, registry: Registry
) -> None:
    press(app, "step")
    press(app, "step")
    run = only_run(registry)
    run.runner._worker._fail(Failure("The training process was killed."))  # type: ignore[attr-defined]
    healthy(app.run())
    assert "Go on continues from iteration 2, which was saved last." in texts(app)
    assert app.button(key="go_on").label == "Go on from 2"
    assert app.button(key="start").label == "Start again"
    healthy(app.slider(key="g_steps").set_value(5).run())
    press(app, "go_on")
    assert only_run(registry) is run
    report = run.poll()
    assert report.state == "running"
    assert report.snapshot is not None
    assert report.snapshot.iteration >= 2
    assert report.snapshot.config.g_steps == 5
    assert "was killed" not in texts(app)


def test_a_run_that_failed_untrained_offers_no_way_to_go_on(app: AppTest, registry: Registry) -> None:
    run = only_run(registry)
    run.runner._worker._fail(Failure("The training process was killed."))  # type: ignore[attr-defined]
    healthy(app.run())
    assert "was killed" in texts(app)
    assert "go_on" not in [button.key for button in app.button]


def test_a_reset_that_fails_keeps_the_run_and_is_tried_again_by_the_next_click(
    app: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(app, "step")
    run, restart = only_run(registry), registry.restart

    def full(*_: Any) -> Any:
        raise CannotStart("No run can begin on this server: No space left on device.")

    monkeypatch.setattr(registry, "restart", full)
    press(app, "reset")
    assert "No space left on device. Your run is kept as it was: the next click on Reset tries again." in texts(app)
    assert only_run(registry) is run
    for key in ("start", "step", "reset"):
        assert not app.button(key=key).disabled, key
    press(app, "step")
    assert iteration(registry, run.id) == 2
    monkeypatch.setattr(registry, "restart", restart)
    press(app, "reset")
    assert "No space left" not in texts(app)
    assert only_run(registry) is not run


def test_a_lost_connection_leaves_the_tabs_uploads_until_it_surely_does_not_come_back(
    app: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = app.session_state["tab"]
    upload = tab.folder() / "own.npy"
    upload.write_bytes(b"x")
    monkeypatch.setattr(server, "PAUSE_AFTER", 0.05)
    server._closed_pages.cache_clear()  # pages of other tests wait there for a minute

    def disconnected(returns: bool) -> None:
        monkeypatch.setattr(server, "is_open", lambda page: returns)
        state._disconnected(tab)
        followed = threading.Event()
        monkeypatch.setattr(server, "is_open", lambda page: returns and page == tab.page)
        server.when_gone("another page", followed.set)
        assert upload.exists()
        assert followed.wait(10)

    disconnected(returns=True)
    assert upload.exists()
    disconnected(returns=False)
    assert not upload.exists()


def test_a_thousand_closed_pages_cost_one_thread_and_one_that_fails_keeps_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(server, "PAUSE_AFTER", 0.2)
    server._closed_pages.cache_clear()
    gone: list[str] = []
    followed = threading.Event()
    server.when_gone("first", fail)
    before = threading.active_count()
    for _ in range(1000):
        server.when_gone("page", lambda: gone.append("page"))
    server.when_gone("last", followed.set)
    assert threading.active_count() == before
    assert followed.wait(10)
    assert len(gone) == 1000
    assert "could not be removed" in caplog.text


@pytest.mark.parametrize(("rate", "says"), [(0.08, "An iteration takes about 12 s."), (30.0, "ends.")])
def test_a_pause_within_a_long_iteration_is_said_to_come_when_it_ends(
    app: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch, rate: float, says: str
) -> None:
    press(app, "start")
    run = only_run(registry)
    send, poll, held = run.runner.send, run.runner.poll, []

    def slow(wait: float = 0.3) -> Report:
        report = poll(wait)
        assert report.snapshot is not None
        return replace(report, settled=False, snapshot=replace(report.snapshot, iterations_per_second=rate))

    with monkeypatch.context() as slowly:
        slowly.setattr(run.runner, "send", held.append)
        slowly.setattr(run.runner, "poll", slow)
        press(app, "pause")
    assert held == [Pause()]
    assert f"Pauses as soon as the present iteration {'ends. ' if rate < 1 else ''}{says}" in texts(app)
    assert not app.button(key="pause").disabled, "it is offered all the while"
    send(Pause())
    healthy(app.run())
    assert "Pauses as soon" not in texts(app)
    assert app.button(key="start").label == "Start"
    assert only_run(registry) is run
