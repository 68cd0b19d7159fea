"""A teacher's link: signed, so that an edited one is noticed, and without the controls that it hides."""

from urllib.parse import parse_qs

import pytest

from dashboard.session import class_link
from dashboard.session.class_link import CONTROLS, MOST_TASK, ClassLink
from gan_core.presets import PRESETS
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import close_pages, healthy, texts
from tests.dashboard.session.conftest import tab
from tests.dashboard.session.test_saved_runs import opened
from tests.dashboard.views.test_train import only_run, press

LESSON = ClassLink("mode_collapse", "Which **network** wins?", ("presets", "step_d", "g_steps"))


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_TEACHER_TOKEN", "a teacher's secret")


def signed(link: ClassLink) -> str:
    return parse_qs(class_link.query_of(link))["class"][0]


def test_a_link_is_read_as_it_was_made() -> None:
    assert class_link.read(signed(LESSON)) == LESSON
    long = class_link.read(signed(ClassLink("gone", "x" * 900)))
    assert (long.preset, len(long.task)) == ("lecture", MOST_TASK)


@pytest.mark.parametrize("edit", [lambda text: text[:-1], lambda text: "x" + text, lambda text: "", lambda text: "é.é"])
def test_an_edited_link_is_refused(edit: object) -> None:
    with pytest.raises(ValueError, match="not as this server's teacher made it"):
        class_link.read(edit(signed(LESSON)))  # type: ignore[operator]


def test_the_link_of_another_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = signed(LESSON)
    monkeypatch.setenv("GAN_TEACHER_TOKEN", "another")
    with pytest.raises(ValueError, match="another token now"):
        class_link.read(text)
    monkeypatch.delenv("GAN_TEACHER_TOKEN")
    with pytest.raises(ValueError, match="needs a server with GAN_TEACHER_TOKEN"):
        class_link.read(text)


def test_it_opens_the_page_at_its_preset_with_its_task_and_without_its_controls(registry: Registry) -> None:
    page = opened({"class": signed(LESSON)})
    assert only_run(registry).config == PRESETS["mode_collapse"].config
    assert "Which **network** wins?" in texts(page), "as plain text"
    keys = {one.key for kind in ("button", "slider", "button_group") for one in page.get(kind)}
    assert {"step", "step_g", "d_steps"} <= keys
    assert not keys & {"step_d", "g_steps"}
    assert not any(str(key).startswith("preset_") for key in keys)
    assert page.query_params["class"] == signed(LESSON), "a reload has it still"


def test_every_control_can_be_hidden(registry: Registry) -> None:
    page = opened({"class": signed(ClassLink(hidden=tuple(CONTROLS)))})
    keys = {one.key for kind in ("button", "slider", "selectbox", "number_input") for one in page.get(kind)}
    assert not keys & CONTROLS.keys()
    press(page, "start")
    assert only_run(registry).poll().state == "running"


def test_the_learners_own_settings_win_after_a_reload(registry: Registry) -> None:
    page = opened({"class": signed(ClassLink("ring"))})
    healthy(page.slider(key="g_steps").set_value(4).run())
    run = only_run(registry)
    close_pages(run)
    opened(page.query_params)
    assert only_run(registry) is run
    assert run.config.g_steps == 4


def test_the_page_of_an_edited_link_says_so_and_shows_all_controls(registry: Registry) -> None:
    page = opened({"class": signed(LESSON) + "x"})
    (problem,) = tab(page).link_problems
    assert "it was cut or changed" in problem
    assert "wins?" not in texts(page)
    assert "step_d" in {button.key for button in page.button}
    assert "class" not in page.query_params
