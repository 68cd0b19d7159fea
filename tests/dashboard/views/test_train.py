"""The Train page without a browser."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.session import commands
from gan_core.config import GANConfig
from gan_core.runs.budget import Budget
from gan_core.runs.protocol import Play, Report, Stop
from gan_core.runs.registry import Registry
from gan_core.runs.run import Run
from gan_core.snapshot import Snapshot
from tests.dashboard.conftest import APP, close_pages, component, components, healthy, markdown, png_of, texts


def only_run(registry: Registry) -> Run:
    (run,) = registry._runs.values()
    return run


def state(registry: Registry) -> tuple[str, Snapshot]:
    """Return the run's state and snapshot without training further."""
    report: Report = only_run(registry).runner._worker.report()  # type: ignore[attr-defined]
    assert report.snapshot is not None
    return report.state, report.snapshot


def press(app: AppTest, key: str) -> AppTest:
    return healthy(app.button(key=key).click().run())


def visitor(app: AppTest) -> AppTest:
    """Return the page of another visitor who opens this page's address."""
    other = AppTest.from_file(APP, default_timeout=30)
    for name, value in app.query_params.items():
        other.query_params[name] = value
    return healthy(other.run())


def test_a_new_visitor_sees_a_paused_run_and_the_hint_to_start(app: AppTest, registry: Registry) -> None:
    assert state(registry)[0] == "paused"
    assert "Press **Start**" in texts(app)
    assert "Iteration **0**" in texts(app)
    assert png_of(component(app, "picture_fakes")).startswith(b"\x89PNG")


def test_start_is_replaced_by_pause_while_a_run_trains(app: AppTest, registry: Registry) -> None:
    press(app, "start")
    assert state(registry)[0] == "running"
    assert "start" not in [button.key for button in app.button]
    assert all(app.button(key=key).disabled for key in ("step", "step_d", "step_g"))
    press(app, "pause")
    paused, snapshot = state(registry)
    assert paused == "paused"
    app.run()
    assert state(registry)[1].iteration == snapshot.iteration > 0


def test_steps_train_exactly_what_they_name_and_reset_repeats_the_run(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    first = state(registry)[1]
    assert (first.iteration, first.updates_d, first.updates_g) == (1, 1, 2)
    press(app, "step_d")
    press(app, "step_g")
    press(app, "step_g")
    snapshot = state(registry)[1]
    assert (snapshot.iteration, snapshot.updates_d, snapshot.updates_g) == (1, 2, 4)
    assert [single.network for single in snapshot.singles] == ["D", "G", "G"]
    press(app, "reset")
    assert state(registry)[1].iteration == 0
    press(app, "step")
    assert (state(registry)[1].trace.values == first.trace.values).all()


def test_a_step_of_one_network_says_what_it_did(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    assert "alone" not in texts(app)
    press(app, "step_d")
    loss = state(registry)[1].singles[0].loss
    line = (
        f"One update of **D** alone: its loss was {loss:.4g}, and G's weights stayed as they were (2 D and 2 G updates"
    )
    assert line in texts(app)
    press(app, "step_g")
    assert "One update of **G** alone" in texts(app)
    assert "D's weights stayed as they were (2 D and 3 G updates" in texts(app)
    press(app, "step")
    assert "alone" not in texts(app)


def test_nobody_is_told_to_press_a_disabled_start(app: AppTest) -> None:
    healthy(app.text_input(key="generator_hidden").set_value("16, x").run())
    assert app.button(key="start").disabled
    assert "Press **Start**" not in texts(app)
    assert "Start and Step wait for settings that a run can have." in texts(app)
    healthy(app.text_input(key="generator_hidden").set_value("16").run())
    assert "Press **Start**" in texts(app)


def test_the_goal_of_a_run_is_named_while_it_trains(app: AppTest, registry: Registry) -> None:
    only_run(registry).send(Play(Stop(iteration=1_000_000)))
    healthy(app.run())
    assert " To iteration 1,000,000." in texts(app)
    press(app, "pause")
    press(app, "start")
    assert " To " not in texts(app)
    press(app, "pause")


def test_a_refused_goal_is_forgotten_with_the_next_choice(app: AppTest) -> None:
    press(app, "step")
    app.number_input(key="stop_iteration").set_value(1)
    press(app, "run_until")
    assert "Iteration 1 has passed" in texts(app)
    healthy(app.number_input(key="stop_iteration").set_value(50).run())
    assert "has passed" not in texts(app)


def test_new_seed_begins_a_run_with_another_seed(
    app: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "random_seed", lambda: 4711)
    press(app, "step")
    press(app, "new_seed")
    assert app.number_input(key="seed").value == 4711
    snapshot = state(registry)[1]
    assert (snapshot.config.seed, snapshot.iteration) == (4711, 0)


def test_fresh_noise_changes_the_shown_fakes_and_the_snippet(app: AppTest, registry: Registry) -> None:
    before = png_of(component(app, "picture_fakes"))
    press(app, "fresh_noise")
    assert png_of(component(app, "picture_fakes")) != before
    assert state(registry)[1].sample_seed == 1
    assert "manual_seed(1)" in "\n".join(code.value for code in app.code)


def test_live_settings_change_a_run_at_once_and_leave_marks(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    run = only_run(registry).id
    app.slider(key="g_steps").set_value(5)
    app.number_input(key="learning_rate_d").set_value(0.001)
    healthy(app.run())
    snapshot = state(registry)[1]
    assert (snapshot.config.g_steps, snapshot.config.learning_rate_d) == (5, 0.001)
    assert [mark.text for mark in snapshot.marks] == ["G steps: 5", "D learning rate: 0.001"]
    assert only_run(registry).id == run
    assert snapshot.iteration == 1


def test_other_settings_wait_for_reset_and_the_page_names_them(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    healthy(app.text_input(key="generator_hidden").set_value("16, 8").run())
    assert "Waits for Reset: **G hidden sizes**" in texts(app)
    assert state(registry)[1].config.generator_hidden == (8,)
    press(app, "step")
    assert state(registry)[1].iteration == 2
    press(app, "reset")
    assert state(registry)[1].config.generator_hidden == (16, 8)
    assert "applies from" not in texts(app)


def test_before_the_first_update_every_setting_applies_at_once(app: AppTest, registry: Registry) -> None:
    healthy(app.toggle(key="discriminator_batch_norm").set_value(True).run())
    assert state(registry)[1].config.discriminator_batch_norm
    assert "applies from" not in texts(app)


def test_an_impossible_value_is_explained_and_leaves_the_run_unchanged(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    healthy(app.text_input(key="discriminator_hidden").set_value("12, x").run())
    assert "D hidden sizes = '12, x' is not possible; it should be 1 to 6 whole numbers" in texts(app)
    assert not app.button(key="start").disabled, "the run trains on under its own settings"
    assert app.button(key="reset").disabled
    assert state(registry)[1].iteration == 1
    healthy(app.text_input(key="discriminator_hidden").set_value("12, 8").run())
    assert not app.button(key="start").disabled


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.lists(st.integers(-5, 5000), max_size=8).map(lambda sizes: ", ".join(map(str, sizes))))
def test_no_text_for_hidden_sizes_breaks_the_page_or_trains_something_else(
    app: AppTest, registry: Registry, text: str
) -> None:
    healthy(app.text_input(key="generator_hidden").set_value(text).run())
    config = only_run(registry).config
    if "text_notice" in components(app):
        assert "G hidden sizes" in markdown(component(app, "text_notice"))
        assert app.button(key="reset").disabled
    else:
        assert config.generator_hidden == tuple(int(part) for part in text.replace(";", ",").split(","))


def test_a_missing_device_is_explained_and_leaves_the_run_unchanged(app: AppTest, registry: Registry) -> None:
    if "cuda" in state(registry)[1].devices:
        pytest.skip("This machine has the device.")
    press(app, "step")
    healthy(app.selectbox(key="device").set_value("cuda").run())
    assert "Device = CUDA GPU is not on this machine; it should be one of Auto, CPU" in texts(app)
    assert state(registry)[1].iteration == 1
    assert app.button(key="reset").disabled


def test_a_failed_run_shows_its_reason_and_can_begin_again(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    app.button_group(key="optimizer_g").set_value("sgd")
    app.number_input(key="learning_rate_g").set_value(1.0)
    app.toggle(key="generator_batch_norm").set_value(False)
    healthy(app.selectbox(key="loss").set_value("wasserstein_gp").run())  # only this loss uses the penalty
    app.number_input(key="gradient_penalty").set_value(1000.0)
    app.number_input(key="learning_rate_d").set_value(1.0)
    app.button_group(key="optimizer_d").set_value("sgd")
    healthy(app.run())
    press(app, "reset")
    press(app, "start")
    for _ in range(400):
        if state(registry)[0] == "failed":
            break
        healthy(app.run())
    healthy(app.run())
    assert "the training has diverged" in texts(app)
    assert app.button(key="start").label == "Start again"
    app.number_input(key="learning_rate_g").set_value(0.0002)
    app.number_input(key="learning_rate_d").set_value(0.0002)
    healthy(app.run())
    press(app, "start")
    assert state(registry)[0] == "running"
    assert state(registry)[1].config.learning_rate_d == 0.0002


def test_the_address_sets_settings_and_impossible_ones_are_ignored(registry: Registry) -> None:
    app = AppTest.from_file(APP, default_timeout=30)
    for name, value in {
        "generator_hidden": "8, 4",
        "seed": "12",
        "batch_size": "8",
        "g_steps": "99",
        "loss": "no",
    }.items():
        app.query_params[name] = value
    healthy(app.run())
    config = only_run(registry).config
    assert config == GANConfig(generator_hidden=(8, 4), seed=12, batch_size=8)


def test_the_address_names_the_run_for_a_reload(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    close_pages(only_run(registry))
    visitor(app)
    assert only_run(registry).id in app.query_params["run"]
    assert state(registry)[1].iteration == 1


def test_a_reload_brings_the_runs_own_settings_back(app: AppTest, registry: Registry) -> None:
    healthy(app.number_input(key="seed").set_value(12).run())
    healthy(app.slider(key="g_steps").set_value(5).run())
    press(app, "step")
    close_pages(only_run(registry))
    again = AppTest.from_file(APP, default_timeout=30)
    again.query_params["run"] = only_run(registry).id  # the Step through page's address holds nothing else
    healthy(again.run())
    assert again.number_input(key="seed").value == 12
    assert again.slider(key="g_steps").value == 5
    assert again.text_input(key="generator_hidden").value == "8"
    assert state(registry)[1].config.g_steps == 5
    assert state(registry)[1].iteration == 1
    assert "Changed:" not in texts(again)


def test_a_link_gives_the_settings_and_not_the_run(app: AppTest, registry: Registry) -> None:
    healthy(app.slider(key="g_steps").set_value(5).run())
    press(app, "step")
    mine = only_run(registry)
    app.query_params["g_steps"] = "5"  # a browser does this itself
    other = visitor(app)
    theirs = next(run for run in registry._runs.values() if run is not mine)
    assert theirs.config.g_steps == 5
    press(other, "reset")
    assert registry.get(mine.id) is mine
    assert mine.poll().snapshot.iteration == 1  # type: ignore[union-attr]
    assert theirs.id in other.query_params["run"]


def test_a_page_opened_with_a_giant_link_shows_why_it_has_no_run_and_can_be_used(
    registry: Registry, little_memory: Budget
) -> None:
    app = AppTest.from_file(APP, default_timeout=30)
    for name in ("generator_hidden", "discriminator_hidden"):
        app.query_params[name] = "4096,4096,4096,4096,4096,4096"
    app.query_params["batch_size"] = "1024"
    healthy(app.run())
    assert "would take 4.28 GB of memory, and a run may take 300 MB here" in texts(app)
    assert not registry._runs
    assert little_memory.held == 0
    app.text_input(key="generator_hidden").set_value("8")
    healthy(app.text_input(key="discriminator_hidden").set_value("8").run())
    assert "of memory" not in texts(app)
    press(app, "step")
    assert only_run(registry).poll().snapshot.iteration == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("loss", ["bce", "bce_saturating", "least_squares", "wasserstein_gp"])
def test_every_loss_trains_on_the_page(app: AppTest, registry: Registry, loss: str) -> None:
    healthy(app.selectbox(key="loss").set_value(loss).run())
    press(app, "step")
    assert state(registry)[1].config.loss == loss
    figure = component(app, "plot_losses")
    assert {trace.get("name") for trace in figure["data"]} >= {"D loss", "G loss"}


def test_the_page_offers_every_download(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    assert {button.key for button in app.get("download_button")} == {
        "download_run",
        "download_gif",
        "download_webp",
        "download_generator",
        "download_generator_pt",
        "download_metrics",
        "download_pictures",
        "download_config",
        "download_script",
        "download_notebook",
        "download_parquet",
        "download_charts",
    }


def test_reset_keeps_the_address_of_the_run(app: AppTest, registry: Registry) -> None:
    before = only_run(registry)
    press(app, "step")
    press(app, "reset")
    after = only_run(registry)
    assert after is not before
    assert after.id == before.id
    assert after.id in app.query_params["run"]


def test_settings_that_cannot_start_leave_the_run_unchanged(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    run = only_run(registry)
    classes = next(group for group in app.get("button_group") if group.key == "classes")
    classes.set_value([1])
    healthy(app.number_input(key="batch_size").set_value(1000).run())
    assert "Waits for Reset: **Classes**, **Batch size**" in texts(app)
    press(app, "reset")
    assert "Batch size = 1000 is not possible" in texts(app)
    assert only_run(registry) is run
    assert state(registry)[1].iteration == 1
    assert not app.button(key="start").disabled, "the run trains on under its own settings"
    healthy(app.number_input(key="batch_size").set_value(4).run())
    assert "is not possible" not in texts(app)
    press(app, "step")
    assert state(registry)[1].iteration == 2
