"""What a choice of a dataset sets together waits for Reset together, and can be taken back."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import server
from gan_core.data import RECOMMENDED_SETTINGS
from gan_core.runs.jobs import Jobs
from gan_core.runs.registry import Registry
from tests.dashboard.session.conftest import change, choose, press, state
from tests.dashboard.views.test_data import StuckDownload
from tests.dashboard.views.test_train import only_run

POINTS = RECOMMENDED_SETTINGS["points"]


def test_choosing_2d_data_changes_nothing_in_the_run_that_trains(trained: AppTest, registry: Registry) -> None:
    before = only_run(registry).config
    choose(trained, "ring")
    assert only_run(registry).config == before
    assert state(trained).training == before
    assert state(trained).config.learning_rate_d == POINTS["learning_rate_d"]
    assert {"dataset", "learning_rate_d", "adam_beta2", "g_steps"} <= set(state(trained).waiting)
    press(trained, "step")
    assert only_run(registry).config == before
    assert state(trained).report.snapshot.iteration == 2  # type: ignore[union-attr]


def test_a_live_setting_waits_while_a_dataset_does(trained: AppTest, registry: Registry) -> None:
    choose(trained, "ring")
    change(trained, leaky_slope=0.5)
    assert only_run(registry).config.leaky_slope == 0.2
    assert "leaky_slope" in state(trained).waiting


def test_a_live_setting_is_applied_while_another_setting_waits(trained: AppTest, registry: Registry) -> None:
    change(trained, batch_size=8, leaky_slope=0.5)
    assert state(trained).waiting == ("batch_size",)
    assert (only_run(registry).config.leaky_slope, only_run(registry).config.batch_size) == (0.5, 4)


def test_reset_applies_a_dataset_and_its_settings_together(trained: AppTest, registry: Registry) -> None:
    choose(trained, "ring")
    press(trained, "reset")
    config = only_run(registry).config
    assert config.dataset == "ring"
    assert {name: getattr(config, name) for name in POINTS} == POINTS
    assert state(trained).waiting == ()
    assert state(trained).training == state(trained).config == config


def test_the_runs_own_dataset_chosen_again_gets_its_settings_back(trained: AppTest, registry: Registry) -> None:
    change(trained, learning_rate_d=0.0005)
    before = only_run(registry).config
    for dataset in ("ring", "own_pictures", "digits"):
        choose(trained, dataset)
        assert only_run(registry).config == before, dataset
    assert state(trained).config == before
    assert state(trained).waiting == ()


def test_a_setting_changed_while_a_dataset_of_the_same_kind_waited_is_applied_without_it(
    page: AppTest, registry: Registry
) -> None:
    press(choose(page, "ring"), "step")
    change(choose(page, "spiral"), learning_rate_d=0.0005)
    assert only_run(registry).config.learning_rate_d == POINTS["learning_rate_d"]
    choose(page, "ring")
    assert only_run(registry).config.learning_rate_d == 0.0005
    assert state(page).waiting == ()


def test_discarding_changes_brings_every_widget_back_to_the_run(trained: AppTest, registry: Registry) -> None:
    change(trained, learning_rate_d=0.0005)
    before = only_run(registry).config
    change(choose(trained, "ring"), seed=7, leaky_slope=0.5)
    press(trained, "discard")
    assert trained.selectbox(key="dataset").value == "digits"
    assert state(trained).config == before == only_run(registry).config
    assert state(trained).waiting == ()
    change(choose(trained, "ring"), learning_rate_d=0.1)
    assert state(trained).config.generator_hidden == POINTS["generator_hidden"], "the next choice is a change of kind"


def test_discarding_changes_makes_impossible_settings_possible(trained: AppTest, registry: Registry) -> None:
    before = only_run(registry).config
    change(trained, generator_hidden="8, x")
    assert state(trained).settings.problems
    press(trained, "discard")
    assert state(trained).settings.config == before


def test_a_cancelled_download_gives_the_settings_back(
    page: AppTest, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Jobs(StuckDownload)
    monkeypatch.setattr(server, "download_jobs", lambda: made)
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path))
    press(choose(page, "ring"), "step")
    change(page, learning_rate_d=0.0005)
    before = only_run(registry).config
    choose(page, "mnist")
    assert "learning_rate_g" in state(page).waiting
    press(page, "cancel_download")
    assert only_run(registry).config == before == state(page).config
