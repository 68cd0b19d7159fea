"""The address: read when a tab arrives, written since; what it says wrongly is explained."""

from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.session import link
from dashboard.session.speeds import SPEEDS
from gan_core.config import GANConfig
from gan_core.data import DATASETS, with_recommended_settings
from gan_core.presets import PRESETS
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import APP, close_pages, healthy
from tests.dashboard.session.conftest import arriving, change, choose, press, state, tab
from tests.dashboard.views.test_train import only_run

WRONG = {  # texts that no run can have, what the sentence says of them, and the value that stands instead
    ("seed", "abc"): ("Seed = abc", "a whole number from 0 to 2147483647", "0"),
    ("seed", "1e309"): ("Seed = 1e309", "a whole number from 0 to 2147483647", "0"),
    ("seed", "9" * 5000): ("Seed = 999", "a whole number from 0 to 2147483647", "0"),
    ("seed", ""): ("Seed = nothing", "a whole number from 0 to 2147483647", "0"),
    ("batch_size", "inf"): ("Batch size = inf", "a whole number from 2 to 1024", "128"),
    ("learning_rate_d", "inf"): ("D learning rate = inf", "a number from 0 to 1", "0.0002"),
    ("learning_rate_d", "nan"): ("D learning rate = nan", "a number from 0 to 1", "0.0002"),
    ("learning_rate_d", "1e309"): ("D learning rate = 1e309", "a number from 0 to 1", "0.0002"),
    ("g_steps", "99"): ("G steps = 99", "a whole number from 1 to 10", "2"),
    ("classes", "10"): ("Classes = 10", "whole numbers, each from 0 to 9", "all"),
    ("classes", "x"): ("Classes = x", "whole numbers, each from 0 to 9", "all"),
    ("classes", "-1"): ("Classes = -1", "whole numbers, each from 0 to 9", "all"),
    ("loss", "nonsense"): ("Loss = nonsense", "one of bce, ", "Binary cross entropy"),
    ("dataset", "nonsense"): ("Dataset = nonsense", "one of digits, mnist, ", "Digits"),
    ("device", "cuda:7"): ("Device = cuda:7", "one of auto, cpu, cuda, mps", "Auto"),
    ("generator_batch_norm", "maybe"): ("G BatchNorm = maybe", "true or false", "true"),
    ("generator_hidden", "8, x"): ("G hidden sizes = 8, x", "1 to 6 whole numbers", "256, 512, 1024"),
    ("generator_hidden", ""): ("G hidden sizes = nothing", "1 to 6 whole numbers", "256, 512, 1024"),
    ("generator_hidden", "99999"): ("G hidden sizes = 99999", "1 to 6 whole numbers", "256, 512, 1024"),
    ("drawing", "A"): ("Drawing = A", "text made by the page's canvas", "none"),
    ("own_data", "../etc"): ("Own data = ../etc", "the fingerprint of an upload", "none"),
}


@pytest.mark.parametrize(("name", "text"), WRONG, ids=[f"{name}={text[:9]}" for name, text in WRONG])
def test_a_value_that_no_run_can_have_is_explained(registry: Registry, name: str, text: str) -> None:
    app = AppTest.from_file(APP, default_timeout=30)
    app.query_params[name] = text
    healthy(app.run())
    (message,) = tab(app).link_problems
    begins, expected, stands = WRONG[name, text]
    assert message.startswith(begins)
    assert f"it should be {expected}" in message
    assert f"Instead, the page uses {stands}" in message
    assert len(message) < 420
    assert only_run(registry).config == GANConfig()
    assert name not in app.query_params


@pytest.mark.parametrize(
    ("name", "near"), [("learning_rate", "learning_rate_g"), ("Seed", "seed"), ("g_step", "g_steps")]
)
def test_a_name_that_resembles_a_setting_is_explained(registry: Registry, name: str, near: str) -> None:
    page = healthy(arriving(**{name: "1"}).run())
    label = GANConfig.setting(near).label
    assert tab(page).link_problems == (
        f"{name} in the link is no setting and is ignored. Did you mean {near} ({label})?",
    )


def test_other_names_and_right_values_are_no_problem(registry: Registry) -> None:
    page = healthy(arriving(utm_source="mail", embed="true", seed="12", generator_hidden="8, 4", classes="8,3").run())
    assert tab(page).link_problems == ()
    assert only_run(registry).config == GANConfig(seed=12, generator_hidden=(8, 4), classes=(3, 8))


def test_classes_in_a_link_to_a_dataset_without_classes_are_explained(registry: Registry) -> None:
    page = healthy(arriving(dataset="ring", classes="3").run())
    (message,) = tab(page).link_problems
    assert "it should be left out: this dataset has no classes" in message
    assert only_run(registry).config.dataset == "ring"


def test_a_link_with_names_as_the_page_shows_them_is_understood() -> None:
    texts = {"dataset": "Eight Gaussians on a ring", "update_order": "G first"}
    right = with_recommended_settings(GANConfig(update_order="g_first"), "eight_gaussians")
    assert link.read(texts, GANConfig()) == (right, ())


@pytest.mark.parametrize("dataset", ["ring", "grid_25", "drawn", "own_points", "mnist"])
def test_a_link_to_a_dataset_brings_what_suits_it(registry: Registry, dataset: str) -> None:
    right = with_recommended_settings(GANConfig(), dataset)
    assert link.read({"dataset": dataset}, GANConfig()) == (right, ())
    assert link.texts_of(right) == {"dataset": dataset}
    if dataset in ("ring", "grid_25", "drawn"):
        page = healthy(arriving(dataset=dataset).run())
        assert only_run(registry).config == right
        assert page.query_params["dataset"] == dataset
        assert page.session_state["share_link"] == f"dataset={dataset}"


def test_settings_in_a_link_win_over_those_that_suit_the_dataset() -> None:
    config, _ = link.read({"generator_hidden": "8", "dataset": "ring", "batch_norm_momentum": "0.5"}, GANConfig())
    assert (config.generator_hidden, config.batch_norm_momentum, config.discriminator_hidden) == ((8,), 0.5, (32, 32))


DECORATED = {  # as messengers, sentences and copied lines of config.json leave them
    "dot": ({"seed": "3."}, {"seed": 3}),
    "bracket": ({"seed": "3)"}, {"seed": 3}),
    "angle": ({"dataset": "mnist>"}, {"dataset": "mnist"}),
    "quotes": ({"update_order": '"g_first"'}, {"update_order": "g_first"}),
    "typographic": ({"update_order": "“g_first”"}, {"update_order": "g_first"}),
    "invisible": ({"seed": "7\u200b"}, {"seed": 7}),
    "no-break": ({"g_steps": "\u00a04"}, {"g_steps": 4}),
    "bold": ({"loss": "*hinge*"}, {"loss": "hinge"}),
    "JSON list": ({"generator_hidden": "[64, 32]"}, {"generator_hidden": (64, 32)}),
    "JSON true": ({"discriminator_batch_norm": "true,"}, {"discriminator_batch_norm": True}),
    "escaped ampersand": ({"seed": "3", "amp;g_steps": "4"}, {"seed": 3, "g_steps": 4}),
    "tracking": ({"seed": "3", "utm_source": "mail", "fbclid": "x", "gclid": "y", "si": "z"}, {"seed": 3}),
}


@pytest.mark.parametrize(("texts", "meant"), DECORATED.values(), ids=DECORATED)
def test_a_decorated_link_is_read_as_it_was_meant(texts: dict[str, str], meant: dict[str, Any]) -> None:
    assert link.read(texts, GANConfig()) == (GANConfig(**meant), ())


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"dataset": "eight_gau"}, "Did you mean eight_gaussians?"),
        ({"dataset": "rings"}, "Did you mean ring?"),
        ({"dataset": "ring", "generator_hid": ""}, "Did you mean generator_hidden (G hidden sizes)?"),
        ({"dataset=ring": ""}, "dataset=ring in the link is no setting and is ignored."),
        ({"lr": "0.1"}, "lr in the link is no setting and is ignored."),
        ({"generator_hidden": "16,"}, "G hidden sizes = 16, in the link ends in a comma, as a link does that was cut."),
        ({"classes": "3,8, "}, "The page uses 3, 8."),
        ({"hidden": "64"}, "hidden in the link is no setting and is ignored."),
    ],
)
def test_a_cut_or_misspelt_link_is_explained(texts: dict[str, str], sentence: str) -> None:
    _, (problem,) = link.read(texts, GANConfig())
    assert sentence in problem


@given(st.dictionaries(st.sampled_from([*(one.name for one in GANConfig.settings()), "x"]), st.text(), max_size=4))
def test_no_address_fails(texts: dict[str, str]) -> None:
    config, problems = link.read(texts, GANConfig())
    assert link.read(link.texts_of(config), GANConfig()) == (config, ())
    assert all(len(problem) < 500 for problem in problems)


def test_problems_of_a_link_stay_until_the_learner_acts(registry: Registry) -> None:
    acts = {
        "step": lambda page: press(page, "step"),
        "reset": lambda page: press(page, "reset"),
        "setting": lambda page: change(page, g_steps=3),
    }
    for name, act in acts.items():
        page = healthy(arriving(seed="abc").run())
        healthy(page.run())
        assert len(tab(page).link_problems) == 1, "a run of the page without a click drops nothing"
        act(page)
        assert tab(page).link_problems == (), name


def test_the_dataset_of_a_link_is_the_one_that_settings_are_adapted_to(registry: Registry) -> None:
    page = healthy(arriving(dataset="ring", batch_size="32", generator_hidden="8", discriminator_hidden="8").run())
    choose(page, "spiral")
    assert only_run(registry).config.batch_size == 32, "from points to points they stay"


def test_an_older_address_changes_neither_settings_nor_run(trained: AppTest, registry: Registry) -> None:
    """As Back brings it; the address is then brought to the settings."""
    older = {name: trained.query_params[name] for name in trained.query_params}
    change(trained, g_steps=5, seed=7)
    before, newer = only_run(registry).config, dict(trained.query_params)
    assert newer != older
    for name in newer:
        del trained.query_params[name]
    for name, text in older.items():
        trained.query_params[name] = text
    healthy(trained.run())
    assert only_run(registry).config == before
    assert (state(trained).config.g_steps, state(trained).config.seed) == (5, 7)
    assert dict(trained.query_params) == newer


def test_a_reload_keeps_a_default_that_waits_for_reset(page: AppTest, registry: Registry) -> None:
    press(change(page, batch_size=64), "step")
    change(page, batch_size=128, generator_hidden="8, x")
    run = only_run(registry)
    close_pages(run)
    again = arriving(**page.query_params)
    healthy(again.run())
    assert (only_run(registry), run.config.batch_size) == (run, 64)
    assert state(again).waiting == ("batch_size",)
    assert tab(again).link_problems == ()
    assert again.session_state["generator_hidden"] == "8", "a text that is no sizes is not kept"


def test_a_link_to_share_holds_exactly_what_differs_from_the_defaults(registry: Registry) -> None:
    page = healthy(arriving(own_data="0123456789abcdef").run())
    assert page.session_state["share_link"] == ""
    press(change(page, g_steps=5, generator_hidden="8, 4", generator_batch_norm=False), "step")
    change(page, g_steps=2)
    shared = parse_qs(page.session_state["share_link"])
    assert shared == {"generator_hidden": ["8,4"], "generator_batch_norm": ["false"]}
    assert page.query_params["own_data"] == "0123456789abcdef", "a reload needs it"


@pytest.mark.parametrize("name", PRESETS)
def test_a_link_restores_a_preset(name: str) -> None:
    config = PRESETS[name].config
    assert link.read(link.texts_of(config), GANConfig()) == (config, ())


@given(
    st.sampled_from(sorted(DATASETS)), st.floats(0, 1), st.booleans(), st.lists(st.integers(1, 4096), min_size=1, max_size=6),
    st.sampled_from(GANConfig.setting("loss").choices),
)  # fmt: skip
def test_reading_a_link_inverts_writing_it(dataset: str, rate: float, norm: bool, sizes: list[int], loss: str) -> None:
    config = GANConfig(
        dataset=dataset, learning_rate_g=rate, discriminator_batch_norm=norm, generator_hidden=tuple(sizes), loss=loss
    )
    texts = link.texts_of(config)
    assert link.read(texts, GANConfig()) == (config, ())
    base = with_recommended_settings(GANConfig(), dataset)
    assert all(name == "dataset" or getattr(config, name) != getattr(base, name) for name in texts)


def test_a_speed_in_a_link_is_the_runs_and_is_shared_again(registry: Registry) -> None:
    page = healthy(arriving(speed="5").run())
    snapshot = only_run(registry).poll().snapshot
    assert snapshot is not None
    assert snapshot.speed == SPEEDS["5"]
    assert page.query_params["speed"] == "5"
    assert page.session_state["share_link"] == "speed=5"
    assert "speed" not in healthy(arriving().run()).query_params


def test_a_speed_that_the_page_does_not_offer_is_explained(registry: Registry) -> None:
    page = healthy(arriving(speed="warp").run())
    assert tab(page).link_problems == (
        "Speed = warp in the link is not possible; it should be one of slow, 1, 5, 25, 100, max.",
    )
    assert "speed" not in page.query_params
