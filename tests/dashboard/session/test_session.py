"""Actions of one tab take turns."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import state
from dashboard.session.tab import Tab
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import healthy
from tests.dashboard.views.test_train import only_run, press


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
    assert run.closed_at is not None
    healthy(app.run())
    assert only_run(registry) is run
    assert run.closed_at is None
    assert app.number_input(key="batch_size").value == 8
