"""What Start, Step and Reset can do where the settings are impossible, or their dataset is not available."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import server
from gan_core.runs.jobs import Jobs
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import healthy
from tests.dashboard.session.conftest import arriving, change, choose, press, state
from tests.dashboard.views.test_data import InlineJob, StuckDownload
from tests.dashboard.views.test_train import only_run


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty data folder and no network."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    made = Jobs(InlineJob)
    monkeypatch.setattr(server, "download_jobs", lambda: made)
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", refuse)


def fail_to_download(page: AppTest) -> AppTest:
    choose(page, "kmnist")
    for _ in range(4):  # in a browser a timer does this
        healthy(page.run())
    assert "KMNIST could not be downloaded: the server could not be reached." in state(page).settings.problems[0]
    return page


def check_start_goes_on_with(page: AppTest, registry: Registry, can_reset: bool = False) -> None:
    """Check that Start and Step train the present run under its own settings, and that Reset does nothing unless it can."""
    run, config = only_run(registry), only_run(registry).config
    assert (state(page).can_train, state(page).can_reset) == (True, can_reset)
    iteration = state(page).report.snapshot.iteration  # type: ignore[union-attr]
    press(page, "step")
    if not can_reset:
        press(page, "reset")
    assert state(page).report.snapshot.iteration == iteration + 1  # type: ignore[union-attr]
    press(page, "start")
    assert state(page).report.state == "running"
    assert only_run(registry) is run
    assert run.config == config == state(page).training


def test_a_trained_run_goes_on_beside_wrong_hidden_sizes(trained: AppTest, registry: Registry) -> None:
    check_start_goes_on_with(change(trained, discriminator_hidden="12, x"), registry)


def test_a_trained_run_goes_on_beside_an_empty_drawing(page: AppTest, registry: Registry) -> None:
    press(choose(page, "drawn"), "step")
    change(page, drawing="")
    assert state(page).settings.problems == ("Your drawing is empty. Paint a shape for the generator to learn.",)
    check_start_goes_on_with(page, registry)


def test_a_trained_run_goes_on_beside_settings_that_cannot_start(trained: AppTest, registry: Registry) -> None:
    press(change(trained, batch_size=1000, classes=[1]), "reset")
    assert "Batch size = 1000 is not possible" in state(trained).settings.problems[0]
    check_start_goes_on_with(trained, registry)


@pytest.mark.usefixtures("offline")
def test_a_trained_run_goes_on_after_a_failed_download(trained: AppTest, registry: Registry) -> None:
    check_start_goes_on_with(fail_to_download(trained), registry, can_reset=True)
    assert state(trained).waiting == ("dataset",)


@pytest.mark.usefixtures("offline")
def test_reset_after_a_failed_download_begins_the_runs_own_settings_again(trained: AppTest, registry: Registry) -> None:
    run, config = only_run(registry), only_run(registry).config
    press(fail_to_download(trained), "reset")
    assert only_run(registry) is not run
    assert only_run(registry).config == config
    assert state(trained).report.snapshot.iteration == 0  # type: ignore[union-attr]
    assert "KMNIST could not be downloaded" in state(trained).settings.problems[0], "the choice stays, with its reason"


@pytest.mark.usefixtures("offline")
def test_a_run_that_has_not_trained_can_start_after_a_failed_download(page: AppTest, registry: Registry) -> None:
    check_start_goes_on_with(fail_to_download(page), registry, can_reset=True)


@pytest.mark.usefixtures("offline")
def test_without_a_run_a_failed_download_leaves_nothing_to_start(registry: Registry) -> None:
    page = fail_to_download(healthy(arriving(dataset="kmnist").run()))
    assert (state(page).can_train, state(page).can_reset) == (False, False)
    assert state(page).training is None


def test_a_run_that_has_not_trained_waits_for_possible_settings(page: AppTest) -> None:
    change(page, discriminator_hidden="12, x")
    assert (state(page).can_train, state(page).can_reset) == (False, False)
    change(page, discriminator_hidden="12")
    assert (state(page).can_train, state(page).can_reset) == (True, True)


def test_a_failed_run_can_begin_again_only_with_possible_settings(trained: AppTest, registry: Registry) -> None:
    change(trained, learning_rate_g=1.0, learning_rate_d=1.0, loss="wasserstein_gp", gradient_penalty=1000.0)
    press(change(trained, optimizer_g="sgd", optimizer_d="sgd", generator_batch_norm=False), "reset")
    press(trained, "start")
    for _ in range(400):
        if state(trained).report.state == "failed":
            break
        healthy(trained.run())
    assert (state(trained).can_train, state(trained).can_reset) == (True, True)
    change(trained, discriminator_hidden="12, x")
    assert (state(trained).can_train, state(trained).can_reset) == (False, False)
    press(trained, "start")
    assert state(trained).report.state == "failed"


def test_reset_waits_for_a_download(
    trained: AppTest, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, run = Jobs(StuckDownload), only_run(registry)
    monkeypatch.setattr(server, "download_jobs", lambda: made)
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path))
    choose(trained, "mnist")
    assert (state(trained).can_train, state(trained).can_reset) == (True, False)
    press(trained, "reset")
    assert only_run(registry) is run
