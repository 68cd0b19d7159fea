"""A click from a page that still shows the old settings does not bring them back: a browser sends all widgets with each click."""

import threading
import time
from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner import RerunData, RerunException
from streamlit.runtime.state import SafeSessionState, SessionState
from streamlit.testing.v1 import AppTest

from dashboard.session import state
from gan_core.presets import PRESETS
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import healthy
from tests.dashboard.controls.test_controls import widgets
from tests.dashboard.views.test_train import only_run, press

PRESET = PRESETS["mode_collapse"].config


def choose_preset(app: AppTest) -> dict[str, object]:
    """Choose the preset, and return what stood before in each widget that it has moved."""
    before = {key: widget.value for key, widget in widgets(app).items()}
    press(app, "preset_mode_collapse")
    after = widgets(app)
    return {key: old for key, old in before.items() if key in after and after[key].value != old and key != "speed"}


def late(app: AppTest, old: dict[str, object]) -> AppTest:
    """Put the old values back, as the message of a page does that has not drawn the new ones."""
    for key, value in old.items():
        widgets(app)[key].set_value(value)
    return app


def test_start_just_after_a_preset_trains_the_preset(app: AppTest, registry: Registry) -> None:
    old = choose_preset(app)
    assert len(old) > 5
    press(late(app, old), "start")
    assert only_run(registry).config == PRESET.replace(device=only_run(registry).config.device)
    assert widgets(app)["dataset"].value == PRESET.dataset


def test_a_learners_own_change_after_a_preset_is_kept(app: AppTest, registry: Registry) -> None:
    old = choose_preset(app)
    healthy(late(app, {"g_steps": old["g_steps"]}).run())
    assert widgets(app)["g_steps"].value == old["g_steps"] != PRESET.g_steps


def test_start_just_after_new_seed_keeps_the_new_seed(app: AppTest, registry: Registry) -> None:
    press(app, "new_seed")
    seed = only_run(registry).config.seed
    assert seed != 0
    press(late(app, {"seed": 0}), "start")
    assert only_run(registry).config.seed == seed


def test_a_widget_in_view_takes_the_old_value_again_later(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    change = widgets(app)["update_order"].set_value("g_first")
    healthy(change.run())
    press(app, "step")
    healthy(app.selectbox(key="dataset").set_value("ring").run())
    healthy(app.button(key="discard_changes").click().run())
    assert widgets(app)["g_steps"].value == 2
    later = time.monotonic() + state.ECHO + 0.1
    monkeypatch.setattr("time.monotonic", lambda: later)
    healthy(late(app, {"g_steps": 1}).run())
    assert widgets(app)["g_steps"].value == 1


def test_a_closed_popover_does_not_bring_old_settings_back(app: AppTest, registry: Registry) -> None:
    """Its widgets keep what they showed when it was open, until it opens again."""
    old = choose_preset(app)
    for _ in range(3):
        press(late(app, {"learning_rate_d": old["learning_rate_d"]}), "step")
    assert only_run(registry).config.learning_rate_d == PRESET.learning_rate_d


def test_an_open_popover_takes_any_value(app: AppTest, registry: Registry) -> None:
    old = choose_preset(app)
    app.session_state["more_discriminator"] = True
    healthy(late(app, {"learning_rate_d": old["learning_rate_d"]}).run())
    assert only_run(registry).config.learning_rate_d == old["learning_rate_d"]


def test_an_action_is_not_interrupted_by_the_next_click(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset with a quick Start after it was applied in part, or not at all."""

    def next_click() -> None:
        raise RerunException(RerunData())

    held = SafeSessionState(SessionState(), next_click)
    monkeypatch.setattr(state, "get_script_run_ctx", lambda: SimpleNamespace(session_state=held))
    monkeypatch.setattr(state, "tab", lambda: SimpleNamespace(lock=threading.RLock()))
    monkeypatch.setattr(state, "restore_moved", lambda: None)
    done: list[bool] = []

    @state.serialized
    def action() -> None:
        done.append("anything" in held)
        done.append("anything" in held)

    action()
    assert done == [False, False]
    with pytest.raises(RerunException):  # between actions Streamlit still interrupts
        "anything" in held  # noqa: B015
