"""The teacher's page: nothing without the token; then the runs, their pause and end, and a link for the class."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import class_link, overview
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import healthy, texts
from tests.dashboard.views.test_train import only_run, press

SCRIPT = "from dashboard.views import teacher; teacher.show()"


@pytest.fixture
def teacher(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The teacher's page beside a learner's, before the token was given."""
    monkeypatch.setenv("GAN_TEACHER_TOKEN", "a secret")
    overview.history.cache_clear()
    return healthy(AppTest.from_string(SCRIPT, default_timeout=30).run())


def enter(teacher: AppTest, token: str) -> AppTest:
    return healthy(teacher.text_input(key="teacher_token").set_value(token).run())


def table(teacher: AppTest) -> dict[str, Any]:
    """Return the only row."""
    (row,) = teacher.dataframe[0].value.to_dict("records")
    return dict(row)


def test_without_a_token_of_the_server_the_page_says_how_to_set_one(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GAN_TEACHER_TOKEN", raising=False)
    page = healthy(AppTest.from_string(SCRIPT).run())
    assert "GAN_TEACHER_TOKEN" in page.info[0].value
    assert not page.text_input
    assert not page.dataframe


@pytest.mark.parametrize("token", ["", "a secre", "a secret ", "é"])
def test_without_the_right_token_nothing_is_shown(teacher: AppTest, token: str) -> None:
    enter(teacher, token)
    assert not teacher.dataframe
    assert not teacher.button
    assert ("not the token" in texts(teacher)) == bool(token)


def test_it_shows_what_runs(teacher: AppTest, app: AppTest, registry: Registry) -> None:
    press(app, "step")
    enter(teacher, "a secret")
    row = table(teacher)
    assert row["Run"] == only_run(registry).id
    assert (row["State"], row["Iteration"], row["Page"], row["Waits for its turn"]) == ("paused", 1, "open", "")
    assert "**1 run**, 0 training, of which 0 waiting for a turn." in texts(teacher)
    healthy(teacher.run())
    assert [sample.runs for sample in overview.history()] == [1, 1]


def test_it_pauses_a_run(teacher: AppTest, app: AppTest, registry: Registry) -> None:
    press(app, "start")
    enter(teacher, "a secret")
    press(teacher, "teacher_pause")
    assert only_run(registry).poll().state == "paused"


def test_a_run_that_it_ends_is_saved_and_opens_again_with_a_reload_alone(
    teacher: AppTest, app: AppTest, registry: Registry
) -> None:
    press(app, "step")
    enter(teacher, "a secret")
    press(teacher, "teacher_end")
    assert not registry.all()
    healthy(app.run())
    assert "The teacher has ended this run." in texts(app)
    assert not registry.all()
    run_id = app.query_params["run"]
    again = registry.adopt(run_id[0] if isinstance(run_id, list) else run_id, "reloaded", "a browser")
    assert again is not None
    snapshot = again.poll().snapshot
    assert snapshot is not None
    assert snapshot.iteration == 1
    assert not registry.is_put_away(again.id)


def test_after_the_end_start_again_begins_a_new_run(teacher: AppTest, app: AppTest, registry: Registry) -> None:
    press(app, "step")
    first = only_run(registry).id
    enter(teacher, "a secret")
    press(teacher, "teacher_end")
    healthy(app.run())
    press(app, "start")
    assert only_run(registry).id != first


def test_the_link_says_what_was_chosen(teacher: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr("dashboard.views.teacher.copy_button", lambda text, *_: copied.append(text))
    enter(teacher, "a secret")
    teacher.selectbox(key="lesson_preset").set_value("ring")
    teacher.text_area(key="lesson_task").set_value("Watch the modes.")
    healthy(teacher.multiselect(key="lesson_hidden").set_value(["presets"]).run())
    assert copied[-1].startswith("./?class=")
    link = class_link.read(copied[-1].removeprefix("./?class="))
    assert (link.preset, link.task, link.hidden) == ("ring", "Watch the modes.", ("presets",))
