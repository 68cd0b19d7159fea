"""How often a script run polls the runner: each poll may wait 0.3 seconds for a busy run."""

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.runs.protocol import Report
from tests.dashboard.conftest import QuickRunner, go_to, healthy
from tests.dashboard.views.test_train import press


@pytest.fixture
def polls(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The state that each poll reported, from now on."""
    reported: list[str] = []
    poll = QuickRunner.poll

    def counted(self: QuickRunner, wait: float = 0.3) -> Report:
        report = poll(self, wait)
        reported.append(report.state)
        return report

    monkeypatch.setattr(QuickRunner, "poll", counted)
    return reported


def test_a_script_run_polls_once_on_the_train_page(app: AppTest, polls: list[str]) -> None:
    healthy(app.run())
    assert polls == ["paused"]


def test_a_script_run_polls_once_on_the_step_through_page(app: AppTest, polls: list[str]) -> None:
    go_to(app, "walk")
    assert polls == ["paused"]


def test_a_click_on_start_polls_once_before_the_command_and_once_after(app: AppTest, polls: list[str]) -> None:
    press(app, "start")
    assert polls == ["paused", "running"]


def test_a_click_on_pause_polls_once_after_the_command(app: AppTest, polls: list[str]) -> None:
    press(app, "start")
    polls.clear()
    press(app, "pause")
    assert polls == ["paused"]


def test_a_changed_live_setting_polls_once_before_the_change_and_once_after(app: AppTest, polls: list[str]) -> None:
    press(app, "step")
    polls.clear()
    healthy(app.slider(key="g_steps").set_value(5).run())
    assert polls == ["paused", "paused"]


def test_a_setting_that_waits_for_reset_polls_once(app: AppTest, polls: list[str]) -> None:
    press(app, "step")
    polls.clear()
    healthy(app.number_input(key="batch_size").set_value(8).run())
    assert polls == ["paused"]
