"""The commands for speed, stops and undo, on a page of buttons alone."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session.tab import Tab
from gan_core.config import GANConfig
from gan_core.runs.protocol import Speed, Stop
from gan_core.runs.registry import Registry
from gan_core.runs.run import Run
from gan_core.snapshot import Snapshot
from tests.dashboard.conftest import SMALL, healthy


def page() -> None:
    """Draw a button for each command, as a page of the dashboard does it."""
    import streamlit as st

    from dashboard.session import address, commands, run
    from gan_core.config import GANConfig
    from gan_core.runs.protocol import Pause, Speed, Step, Stop

    address.arrive()
    state = run.refresh()
    other = GANConfig(dataset="ring", generator_batch_norm=False, generator_hidden=(9, 7), classes=(), batch_size=5)
    actions = {
        "start": (commands.start, ()),
        "pause": (commands.send, (Pause(),)),
        "step": (commands.reconcile_and_send, (Step(),)),
        "reset": (commands.reset, ()),
        "preset": (commands.begin_with, (other,)),
        "undo": (commands.undo, ()),
        "slow": (commands.set_speed, (Speed(0.001),)),
        "fast": (commands.set_speed, (Speed(),)),
        "until_1": (commands.run_until, (Stop(iteration=1),)),
        "until_3": (commands.run_until, (Stop(iteration=3),)),
        "until_nonsense": (commands.run_until, (Stop(metric="nonsense"),)),
    }
    for key, (action, arguments) in actions.items():
        st.button(key, key=key, on_click=action, args=arguments)
    st.text(f"can_undo {state.can_undo}")


@pytest.fixture
def commands_page(registry: Registry) -> AppTest:
    app = AppTest.from_function(page, default_timeout=30)
    for name, value in SMALL.items():
        app.session_state[name] = value
    return healthy(app.run())


def press(app: AppTest, *keys: str) -> AppTest:
    for key in keys:
        healthy(app.button(key=key).click().run())
    return app


def tab(app: AppTest) -> Tab:
    held: Tab = app.session_state["tab"]
    return held


def run_of(app: AppTest, registry: Registry) -> Run:
    run = registry.get(tab(app).run_id)
    assert run is not None
    return run


def snapshot_of(app: AppTest, registry: Registry) -> Snapshot:
    """Return the run's snapshot without training further."""
    snapshot = run_of(app, registry).runner._worker.report().snapshot  # type: ignore[attr-defined]
    assert isinstance(snapshot, Snapshot)
    return snapshot


def state_of(app: AppTest, registry: Registry) -> str:
    state: str = run_of(app, registry).runner._worker.state  # type: ignore[attr-defined]
    return state


def widgets(app: AppTest) -> dict[str, object]:
    return {name: app.session_state[name] for name in GANConfig.model_fields if name in app.session_state}


def can_undo(app: AppTest) -> bool:
    return app.text[0].value == "can_undo True"


# Undo ------------------------------------------------------------------------------------------------------


def test_undo_after_reset_brings_back_the_trained_run(commands_page: AppTest, registry: Registry) -> None:
    app = press(commands_page, "step", "step")
    trained = run_of(app, registry)
    assert not can_undo(app)
    press(app, "reset")
    assert snapshot_of(app, registry).iteration == 0
    assert can_undo(app)
    press(app, "undo")
    assert run_of(app, registry) is trained
    assert snapshot_of(app, registry).iteration == 2
    assert not can_undo(app)
    press(app, "undo", "step")
    assert snapshot_of(app, registry).iteration == 3


def test_undo_after_a_preset_moves_every_widget_back(commands_page: AppTest, registry: Registry) -> None:
    app = commands_page
    app.session_state["learning_rate_d"] = 0.003
    app.session_state["classes"] = [3, 8]
    press(app, "step")
    before = run_of(app, registry).config
    assert (before.learning_rate_d, before.classes, before.generator_hidden) == (0.003, (3, 8), (8,))
    press(app, "preset")
    assert run_of(app, registry).config.dataset == app.session_state["dataset"] == tab(app).chosen_dataset == "ring"
    press(app, "undo")
    assert run_of(app, registry).config == before
    assert snapshot_of(app, registry).iteration == 1
    assert tab(app).chosen_dataset == "digits"
    shown = widgets(app)
    assert (shown["dataset"], shown["generator_hidden"], shown["batch_size"]) == ("digits", "8", 4)
    assert (shown["learning_rate_d"], tuple(shown["classes"])) == (0.003, (3, 8))  # type: ignore[arg-type]
    press(app, "step")
    assert run_of(app, registry).config == before, "the widgets make the settings that the run has"


def test_a_second_undo_brings_the_preset_back(commands_page: AppTest, registry: Registry) -> None:
    app = press(commands_page, "step", "preset", "step", "step", "undo", "undo")
    assert (snapshot_of(app, registry).iteration, app.session_state["dataset"]) == (2, "ring")
    assert run_of(app, registry).config.generator_hidden == (9, 7)


def test_settings_that_start_an_untrained_run_anew_keep_what_undo_brings_back(
    commands_page: AppTest, registry: Registry
) -> None:
    app = press(commands_page, "step", "reset")
    app.session_state["batch_size"] = 8
    healthy(app.run())
    assert run_of(app, registry).config.batch_size == 8
    press(app, "undo")
    assert (snapshot_of(app, registry).iteration, app.session_state["batch_size"]) == (1, 4)


def test_undo_without_anything_to_bring_back_changes_nothing(commands_page: AppTest, registry: Registry) -> None:
    app = press(commands_page, "step")
    before = run_of(app, registry), snapshot_of(app, registry), widgets(app)
    press(app, "undo")
    assert (run_of(app, registry), snapshot_of(app, registry), widgets(app)) == before


# Speed -----------------------------------------------------------------------------------------------------


def test_the_chosen_speed_goes_to_the_run_and_to_those_that_follow(commands_page: AppTest, registry: Registry) -> None:
    app = press(commands_page, "slow")
    assert snapshot_of(app, registry).speed == tab(app).speed == Speed(0.001)
    press(app, "step", "reset")
    assert snapshot_of(app, registry).speed == Speed(0.001)
    press(app, "start")
    healthy(app.run())
    assert snapshot_of(app, registry).iteration == 1, "the next iteration is due in 1000 seconds"
    press(app, "undo", "fast")
    assert snapshot_of(app, registry).speed == Speed()
    press(app, "undo")
    assert snapshot_of(app, registry).speed == Speed()


def test_a_run_that_begins_after_the_last_one_ended_has_the_chosen_speed(
    commands_page: AppTest, registry: Registry
) -> None:
    app = press(commands_page, "slow")
    registry.end(tab(app).run_id)
    press(healthy(app.run()), "start")  # the page says first that it has ended
    assert snapshot_of(app, registry).speed == Speed(0.001)
    assert state_of(app, registry) == "running"


def test_a_tab_in_which_no_speed_was_chosen_keeps_that_of_its_run(commands_page: AppTest, registry: Registry) -> None:
    """As after a reload: the run has a speed, the new tab none."""
    app = commands_page
    run_of(app, registry).send(Speed(7))
    press(app, "step", "reset")
    assert tab(app).speed is None
    assert snapshot_of(app, registry).speed == Speed(7)


# Stops -----------------------------------------------------------------------------------------------------


def test_run_until_trains_and_pauses_by_itself(commands_page: AppTest, registry: Registry) -> None:
    app = press(commands_page, "until_3")
    assert snapshot_of(app, registry).until == Stop(iteration=3)
    for _ in range(5):
        healthy(app.run())
    assert (state_of(app, registry), snapshot_of(app, registry).iteration) == ("paused", 3)
    assert tab(app).stop_problem == ""


def test_a_stop_that_has_passed_is_explained_and_the_run_stays_as_it_is(
    commands_page: AppTest, registry: Registry
) -> None:
    app = press(commands_page, "step", "step", "until_1")
    assert tab(app).stop_problem == "Iteration 1 has passed; it should be above 2, where the run is now."
    assert (state_of(app, registry), snapshot_of(app, registry).iteration) == ("paused", 2)
    press(app, "until_nonsense")
    assert tab(app).stop_problem.startswith("metric = 'nonsense' is not known; it should be one of loss_d,")
    press(app, "until_3")
    assert tab(app).stop_problem == ""
    press(app, "until_1")
    assert tab(app).stop_problem
    press(app, "reset")
    assert tab(app).stop_problem == ""


def test_run_until_begins_a_new_run_where_the_last_one_has_failed(commands_page: AppTest, registry: Registry) -> None:
    app = press(commands_page, "step", "step", "step", "step")
    worker = run_of(app, registry).runner._worker  # type: ignore[attr-defined]
    worker._guarded(lambda: 1 / 0)
    assert worker.state == "failed"
    healthy(app.run())  # the failure is shown first
    press(app, "until_3")
    assert tab(app).stop_problem == ""
    for _ in range(5):
        healthy(app.run())
    assert (state_of(app, registry), snapshot_of(app, registry).iteration) == ("paused", 3)
