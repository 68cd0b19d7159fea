"""Actions of one tab take turns."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.live.watch import layout_version, outdated
from dashboard.session import state
from dashboard.session.tab import Tab
from gan_core.runs.protocol import Failure
from gan_core.runs.registry import Registry
from gan_core.runs.run import RunEnded
from tests.dashboard.conftest import APP, go_to, healthy, texts
from tests.dashboard.views.test_train import only_run, press


def lose(registry: Registry) -> None:
    """End the only run, and remove what was saved of it."""
    run = only_run(registry)
    registry.end(run.id)
    shutil.rmtree(run.folder, ignore_errors=True)


def test_actions_of_a_tab_run_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    tab = Tab()
    monkeypatch.setattr(state, "tab", lambda: tab)
    inside, go_on, order = threading.Event(), threading.Event(), []

    @state.serialized
    def slow() -> None:
        inside.set()
        assert go_on.wait(10)
        order.append("slow")

    @state.serialized
    def quick() -> None:
        order.append("quick")

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    threads[1].join(0.1)
    assert order == [], "the second waits"
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert order == ["slow", "quick"]


def test_a_serialized_action_may_call_another_and_returns_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    tab = Tab()
    monkeypatch.setattr(state, "tab", lambda: tab)
    inner = state.serialized(lambda number: number + 1)
    assert state.serialized(lambda: inner(41))() == 42


def test_a_page_that_reconnects_keeps_its_run_and_its_settings(app: AppTest, registry: Registry) -> None:
    """Streamlit releases a session's resources when the connection is lost, and keeps its state for a reconnect."""
    press(app, "step")
    healthy(app.number_input(key="batch_size").set_value(8).run())
    run = only_run(registry)
    state._disconnected(app.session_state["tab"])
    healthy(app.run())
    assert only_run(registry) is run
    assert app.number_input(key="batch_size").value == 8


@pytest.mark.parametrize("action", ["start", "step", "setting", "nothing"])
def test_a_run_that_has_ended_is_said_to_have_ended_before_another_begins(
    app: AppTest, registry: Registry, action: str
) -> None:
    press(app, "step")
    lose(registry)
    if action == "setting":
        healthy(app.slider(key="g_steps").set_value(5).run())
    elif action == "nothing":
        healthy(app.run())
    else:
        press(app, action)
    assert "This run has ended" in texts(app)
    assert "There is no run on this page." in texts(app)
    assert not registry._runs
    assert app.button(key="start").label == "Start again"
    press(app, "start")
    assert "has ended" not in texts(app)
    assert only_run(registry).poll().state == "running"


@pytest.mark.parametrize("action", ["start", "run_until", "again"])
def test_start_on_a_run_that_failed_unnoticed_shows_the_failure_first(
    app: AppTest, registry: Registry, action: str
) -> None:
    press(app, "step")
    run = only_run(registry)
    run.runner._worker._fail(Failure("The training process was killed."))  # type: ignore[attr-defined]
    if action == "again":
        healthy(app.run())  # the page shows it
    press(app, "run_until" if action == "run_until" else "start")
    assert (only_run(registry) is run) == (action != "again")
    assert ("was killed" in texts(app)) == (action != "again")


def test_a_download_of_a_run_that_has_ended_fails_and_the_page_says_so(app: AppTest, registry: Registry) -> None:
    """Streamlit shows its own "Failed to generate file" at the button; the page says it when it is drawn next."""
    press(app, "step")
    run = only_run(registry)
    assert all(button.proto.ignore_rerun for button in app.get("download_button")), "which would remove the file"
    lose(registry)
    with pytest.raises(RunEnded, match="This run has ended"):
        run.generator_file()
    assert not run.folder.exists()
    healthy(app.run())
    assert "This run has ended" in texts(app)


@pytest.mark.parametrize("page", ["train", "walk"])
def test_an_address_whose_run_has_ended_says_so_on_every_page(app: AppTest, registry: Registry, page: str) -> None:
    registry.end(only_run(registry).id)
    again = AppTest.from_file(APP, default_timeout=30)
    for name, text in app.query_params.items():
        again.query_params[name] = text
    healthy(again.run())
    if page == "walk":
        go_to(again, "walk")
    assert "The run in the address has ended. This is a new one with the settings in the address." in texts(again)
    press(again, "walk_stage" if page == "walk" else "step")
    assert "has ended" not in texts(again)


def test_an_address_whose_run_goes_on_elsewhere_is_no_news(app: AppTest, registry: Registry) -> None:
    other = AppTest.from_file(APP, default_timeout=30)
    for name, text in app.query_params.items():
        other.query_params[name] = text
    healthy(other.run())
    assert len(registry._runs) == 2
    assert "has ended" not in texts(other)


@pytest.mark.parametrize("page", ["train", "walk"])
def test_every_page_warns_while_the_run_cannot_be_saved(app: AppTest, registry: Registry, page: str) -> None:
    press(app, "step")
    if page == "walk":
        go_to(app, "walk")
    run = only_run(registry)
    shutil.rmtree(run.folder)
    run.folder.write_text("in the way")
    press(app, "step")
    assert f"This run cannot be saved in {run.folder.parent}: " in texts(app)
    assert run.poll().snapshot.iteration == 2  # type: ignore[union-attr]
    run.folder.unlink()
    press(app, "step")
    assert "cannot be saved" not in texts(app)


def test_a_page_is_drawn_again_when_the_run_cannot_be_saved_any_more(app: AppTest, registry: Registry) -> None:
    press(app, "start")
    report = only_run(registry).poll()
    full = replace(report, warning="This run cannot be saved.")
    assert outdated(layout_version(report), full)
    assert outdated(layout_version(full), report)


def test_a_page_on_which_no_run_can_begin_says_why_and_tries_again(registry: Registry, tmp_path: Path) -> None:
    in_the_way = tmp_path / "runs"
    in_the_way.write_text("")
    app = healthy(AppTest.from_file(APP, default_timeout=30).run())
    assert f"No run can begin on this server, because the folder for runs, {in_the_way}, cannot be used" in texts(app)
    in_the_way.unlink()
    press(app, "start")
    assert "No run can begin" not in texts(app)
    assert only_run(registry).poll().state == "running"


def test_the_folder_of_a_tab_is_made_again_where_it_was_removed(tmp_path: Path) -> None:
    tab = Tab()
    shutil.rmtree(tab.folder())
    assert tab.folder().is_dir()
    tab.close()
