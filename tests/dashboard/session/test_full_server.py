"""On a server whose memory is full, each refusal is a sentence on the page, and what was trained is kept."""

from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import run as session_run
from dashboard.session import server
from dashboard.session.tab import Tab
from gan_core.config import GANConfig
from gan_core.memory import estimate
from gan_core.runs.budget import Budget, OverBudget, within
from gan_core.runs.inline import InlineRunner
from gan_core.runs.lazy import LazyRunner
from gan_core.runs.previews import Previews
from gan_core.runs.registry import Registry
from gan_core.runs.run import CannotStart
from gan_core.runs.store import Store
from tests.dashboard.conftest import APP, SMALL, healthy, texts
from tests.dashboard.session.test_saved_runs import iteration, opened
from tests.dashboard.views.test_train import only_run, press
from tests.gan_core.runs.support import never

GB = 10**9


def full(budget: Budget) -> None:
    """Let another run take what is free."""
    budget.reserve("another run", min(budget.total - budget.held, budget.per_run))


@pytest.fixture
def small(registry: Registry, little_memory: Budget) -> AppTest:
    """The page of a visitor with small networks, on a server with room for a few such runs."""
    app = AppTest.from_file(APP, default_timeout=30)
    for name, value in SMALL.items():
        app.session_state[name] = value
    return healthy(app.run())


def test_a_saved_run_for_which_there_is_no_memory_is_not_said_to_have_ended(
    small: AppTest, registry: Registry, little_memory: Budget
) -> None:
    press(small, "step")
    run = only_run(registry)
    registry.end(run.id)
    full(little_memory)
    for page in (small.run(), opened(small.query_params)):
        healthy(page)
        assert "try again when another run has ended. Your run is saved: reload this page to try again." in texts(page)
        assert "has ended:" not in texts(page)
        assert page.query_params["run"] == run.id
    assert not registry._runs
    little_memory.release("another run")
    healthy(page.run())
    assert iteration(registry, run.id) == 1


def test_a_private_link_on_a_full_server_opens_the_run_later(
    small: AppTest, registry: Registry, little_memory: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(small, "step")
    run = only_run(registry)
    registry.end(run.id)
    full(little_memory)
    monkeypatch.setattr(server, "browser_secret", lambda: "my other device")
    phone = opened({"run": run.id, "key": run.access.key})
    assert "Your run is saved" in texts(phone)
    little_memory.release("another run")
    healthy(phone.run())
    assert iteration(registry, run.id) == 1


def test_a_change_while_training_that_does_not_fit_is_refused_and_made_once_it_does(
    small: AppTest, registry: Registry, little_memory: Budget
) -> None:
    press(small, "step")
    run = only_run(registry)
    full(little_memory)
    healthy(small.selectbox(key="loss").set_value("wasserstein_gp").run())
    assert "This run with the changed settings would take" in texts(small)
    assert "try again when another run has ended." in texts(small)
    assert run.config.loss == "bce"
    press(small, "step")
    assert iteration(registry, run.id) == 2, "it trains on"
    little_memory.release("another run")
    healthy(small.run())
    assert run.config.loss == "wasserstein_gp"
    assert "would take" not in texts(small)


def test_a_change_while_training_that_never_fits_can_be_taken_back(
    small: AppTest, registry: Registry, little_memory: Budget
) -> None:
    press(small, "step")
    run = only_run(registry)
    little_memory.per_run = little_memory.held
    healthy(small.selectbox(key="loss").set_value("wasserstein_gp").run())
    assert "This run with the changed settings would take" in texts(small)
    assert "a run may take" in texts(small)
    press(small, "discard_changes")
    assert "would take" not in texts(small)
    assert small.selectbox(key="loss").value == run.config.loss == "bce"


def test_undo_on_a_full_server_says_why_it_cannot_and_works_later(
    small: AppTest, registry: Registry, little_memory: Budget
) -> None:
    press(small, "step")
    run = only_run(registry)
    press(small, "reset")
    assert run.park()
    full(little_memory)
    press(small, "undo")
    assert "The run that was replaced cannot be brought back now: This run would take" in texts(small)
    little_memory.release("another run")
    press(small, "undo")
    assert registry.get(run.id) is run
    assert iteration(registry, run.id) == 1


def test_a_larger_run_that_begins_from_a_file_is_refused_on_a_full_server_and_the_old_one_stays(
    small: AppTest, registry: Registry, little_memory: Budget
) -> None:
    press(small, "step")
    run = only_run(registry)
    full(little_memory)
    with pytest.raises(OverBudget, match="try again when another run has ended"):
        registry.begin_from(run.id, GANConfig(generator_hidden=(1024,)), lambda folder: None)
    assert registry.get(run.id) is run
    press(small, "step")
    assert iteration(registry, run.id) == 2


def test_a_download_that_cannot_be_made_leaves_the_reason_to_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(GB, GB)
    begin = partial(LazyRunner, within(budget, InlineRunner), Previews(never, budget))
    registry = Registry(begin, store=Store(tmp_path), budget=budget)
    run = registry.create(GANConfig())
    budget.reserve("another run", GB - estimate(GANConfig()).run // 2)
    here = Tab()
    monkeypatch.setattr(session_run, "tab", lambda: here)
    make = session_run.explaining("generator.safetensors", run.generator_file)
    with pytest.raises(CannotStart):
        make()
    assert here.trouble.startswith("generator.safetensors cannot be made: An untrained run would take")
    assert here.trouble.endswith("are free: try again when another run has ended.")
    registry.close()
