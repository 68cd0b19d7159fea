"""A recipe in a link: written, read, explained where it is wrong, and repeated by a new run."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.session import address, datasets
from dashboard.session.recipe import LONGEST, NAMES, read_recipe, texts_of_recipe
from gan_core.changes import settings_over_time
from gan_core.config import GANConfig
from gan_core.data import with_recommended_settings
from gan_core.data.drawing import STARTER
from gan_core.runs.protocol import Replay, Update
from gan_core.runs.registry import Registry
from gan_core.snapshot import Change, Recipe
from tests.dashboard.conftest import SMALL, close_pages, component, components, healthy, texts
from tests.dashboard.session.conftest import arriving, change, press, state, tab
from tests.dashboard.views.test_train import only_run

CHANGES = (
    Change(0, {"update": "G"}),
    Change(300, {"learning_rate_g": 0.001}),
    Change(500, {"loss": "hinge", "update_order": "g_first"}),
    Change(500, {"update": "D"}),
)
WRITTEN = "0:update=G,300:learning_rate_g=0.001,500:loss=hinge;update_order=g_first,500:update=D"


def test_a_recipe_is_readable_in_a_link_and_read_again() -> None:
    written = texts_of_recipe(Recipe(1200, CHANGES), GANConfig())
    assert written == {"iterations": "1200", "changes": WRITTEN}
    assert read_recipe(written, GANConfig()) == (Recipe(1200, CHANGES), ())
    assert texts_of_recipe(Recipe(7), GANConfig()) == {"iterations": "7"}
    assert read_recipe({}, GANConfig()) == (None, ())
    assert read_recipe({"iterations": "0"}, GANConfig()) == (None, ())


def test_a_drawing_that_ends_in_punctuation_is_read_as_it_is() -> None:
    start = with_recommended_settings(GANConfig(), "drawn")
    drawings = (STARTER, "_" * 170 + "8", "A" * 169 + "_A")
    recipe = Recipe(9, tuple(Change(number, {"drawing": text}) for number, text in enumerate(drawings)))
    assert read_recipe(texts_of_recipe(recipe, start), start) == (recipe, ())


def test_a_decorated_recipe_is_read_as_it_was_meant() -> None:
    decorated = {"iterations": "12.", "changes": " 3 : loss = hinge ; d_steps=2 ,\u200b5:update=D)."}
    changes = (Change(3, {"loss": "hinge", "d_steps": 2}), Change(5, {"update": "D"}))
    assert read_recipe(decorated, GANConfig()) == (Recipe(12, changes), ())


WRONG = {  # changes in a link to 12 iterations after "2:d_steps=3": the iterations that are left, and what is said
    "4:g_steps=99": (
        4,
        "4:g_steps=99 among the link's changes is not possible: G steps should be a whole number from 1 to 10.",
    ),
    "4:learning_rate_d=nan": (4, "D learning rate should be a number from 0 to 1."),
    "4:loss=nonsense": (4, "Loss should be one of bce,"),
    "4:d_steps=2;latent_dim=7": (4, "Noise size (latent_dim) cannot change while training."),
    "4:own_data=../etc": (4, "Own data cannot change while training."),
    "4:g_step=3": (4, "g_step is no setting, but g_steps is one."),
    "4:__dict__=3": (4, "dict is no setting."),
    "4:update=H": (4, "update should be D or G."),
    "4:update=D;g_steps=1": (4, "update is no setting"),
    "4:": (4, "nothing is no setting"),
    "4:drawing=A": (4, "Drawing should be text made by the page's canvas"),
    "13:g_steps=1": (2, "its iteration should be a whole number from 2 to 12"),
    "1:g_steps=1": (2, "its iteration should be a whole number from 2 to 12"),
    "x:g_steps=1": (2, "its iteration should be a whole number from 2 to 12"),
    "9" * 5000 + ":g_steps=1": (2, "its iteration should be a whole number from 2 to 12"),
    "g_steps=1": (2, "its iteration should be a whole number from 2 to 12"),
}


@pytest.mark.parametrize("wrong", WRONG, ids=[text[:20] for text in WRONG])
def test_a_recipe_ends_before_a_change_that_no_run_can_make(wrong: str) -> None:
    reached, sentence = WRONG[wrong]
    recipe, (problem,) = read_recipe({"iterations": "12", "changes": f"2:d_steps=3,{wrong},8:g_steps=1"}, GANConfig())
    assert recipe == Recipe(reached, (Change(2, {"d_steps": 3}),))
    assert sentence in problem
    assert problem.endswith(f" The run is rebuilt up to iteration {reached}, without the rest.")
    assert len(problem) < 420


def test_a_first_change_that_is_wrong_leaves_nothing_to_rebuild() -> None:
    recipe, (problem,) = read_recipe({"iterations": "12", "changes": "x"}, GANConfig())
    assert recipe is None
    assert problem.endswith("Nothing is rebuilt.")


def test_an_empty_drawing_is_refused_where_it_is_learnt() -> None:
    start = with_recommended_settings(GANConfig(), "drawn")
    empty = {"iterations": "9", "changes": f"3:drawing={'A' * 171}"}
    assert "at least one painted cell" in read_recipe(empty, start)[1][0]
    assert read_recipe(empty, GANConfig())[1] == ()


@pytest.mark.parametrize("text", ["", "abc", "-1", "1000001", "9" * 5000, "1e3", "\u0661", "nan", "1,2"])
def test_a_number_of_iterations_that_is_wrong_trains_nothing(text: str) -> None:
    recipe, (problem,) = read_recipe({"iterations": text, "changes": WRITTEN}, GANConfig())
    assert recipe is None
    assert problem.startswith("Iterations = ")
    assert "it should be a whole number from 0 to 1,000,000. Instead, the run begins at iteration 0" in problem
    assert len(problem) < 300


def test_changes_without_iterations_or_too_many_of_them_are_ignored() -> None:
    assert read_recipe({"changes": WRITTEN}, GANConfig()) == (
        None,
        ("Changes in the link is ignored: it takes a number of iterations too.",),
    )
    recipe, (problem,) = read_recipe({"iterations": "3", "changes": "1:update=D," * 1000}, GANConfig())
    assert recipe is None
    assert problem == f"Changes in the link is ignored: it has 11,000 characters, and {LONGEST:,} are the most."


LIVE = [setting.name for setting in GANConfig.settings() if setting.live]
PARTS = st.sampled_from(["1:", "4:", "update=D", "update=", ";", ",", "=", ":", "é", "0", "_", "hinge", "0.5", *LIVE])


@given(st.text() | st.integers(-3, 9).map(str), st.text() | st.lists(PARTS, max_size=12).map("".join))
@example("5", "1:drawing=" + "A" * 171)
def test_no_recipe_fails(iterations: str, changes: str) -> None:
    for start in (GANConfig(), with_recommended_settings(GANConfig(), "drawn")):
        recipe, problems = read_recipe({"iterations": iterations, "changes": changes}, start)
        assert all(len(problem) < 500 for problem in problems)
        if recipe is not None:
            assert 0 <= recipe.iterations <= 1_000_000
            list(settings_over_time(start, recipe.changes))  # raises for what no run can have
            assert all(change.iteration <= recipe.iterations for change in recipe.changes)
            assert read_recipe(texts_of_recipe(recipe, start), start) == (recipe, ())


# The page ------------------------------------------------------------------------------------------------------


def recipe_query(registry: Registry, page: AppTest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the query of the recipe link of the page's run."""
    snapshot = only_run(registry).poll().snapshot
    assert snapshot is not None
    with monkeypatch.context() as patch:
        patch.setattr(address, "tab", lambda: tab(page))
        return dict(parse_qsl(address.recipe_link(snapshot)))


def close(registry: Registry) -> Any:
    """Return the run's last snapshot, and end the run."""
    run = only_run(registry)
    snapshot = run.poll().snapshot
    registry.end(run.id)
    return snapshot


def test_a_recipe_link_rebuilds_the_run(trained: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    press(change(trained, g_steps=5), "step")
    only_run(registry).send(Update("D"))
    press(change(trained, learning_rate_d=0.01, loss="hinge"), "step")
    query = recipe_query(registry, trained, monkeypatch)
    assert query["changes"] == "1:g_steps=5,2:update=D,2:loss=hinge;learning_rate_d=0.01"
    original = close(registry)
    page = healthy(arriving(**query).run())
    assert tab(page).link_problems == ()
    assert not set(NAMES) & set(page.query_params)
    for _ in range(10):
        healthy(page.run())
    rebuilt = only_run(registry).poll().snapshot
    assert rebuilt is not None
    assert (rebuilt.iteration, rebuilt.initial, rebuilt.changes) == (3, original.initial, original.changes)
    assert (rebuilt.fake == original.fake).all()
    assert state(page).config == rebuilt.config == original.config, "the widgets have followed"
    assert state(page).report.state == "paused"
    assert recipe_query(registry, page, monkeypatch) == query
    press(page, "step")
    assert only_run(registry).poll().snapshot.changes == original.changes  # type: ignore[union-attr]


def test_a_problem_of_the_link_stays_while_the_run_is_rebuilt(registry: Registry) -> None:
    small = {name: str(value) for name, value in SMALL.items()}
    page = healthy(arriving(**small, iterations="4", changes="1:g_steps=5,2:d_steps=3,3:seed=9,4:d_steps=1").run())
    for _ in range(8):
        healthy(page.run())
    (problem,) = tab(page).link_problems
    assert problem.startswith("3:seed=9 among the link's changes is not possible: Seed cannot change while training.")
    snapshot = only_run(registry).poll().snapshot
    assert snapshot is not None
    assert (snapshot.iteration, snapshot.config.g_steps, snapshot.config.d_steps) == (3, 5, 3)
    assert (page.query_params["g_steps"], page.query_params["d_steps"]) == ("5", "3")


def test_a_change_of_a_setting_ends_the_rebuilding(registry: Registry) -> None:
    small = {name: str(value) for name, value in SMALL.items()}
    page = healthy(arriving(**small, iterations="1000", changes="1:g_steps=5,900:d_steps=3").run())
    for _ in range(3):
        healthy(page.run())
    snapshot = only_run(registry).poll().snapshot
    assert snapshot is not None
    assert snapshot.rebuilding == Recipe(1000, (Change(900, {"d_steps": 3}),))
    change(page, leaky_slope=0.5)
    ended = only_run(registry).poll().snapshot
    assert ended is not None
    assert (ended.config.g_steps, ended.config.leaky_slope, ended.rebuilding) == (5, 0.5, None)
    assert ended.stopped.startswith("Rebuilding ended at iteration ")


def test_a_reload_goes_on_with_the_rebuilding(registry: Registry) -> None:
    small = {name: str(value) for name, value in SMALL.items()}
    page = healthy(arriving(**small, g_steps="4", iterations="6", changes="1:g_steps=5,4:g_steps=3,5:d_steps=2").run())
    run = only_run(registry)
    while run.config.g_steps != 3:
        run.poll()  # as the page's script does
    assert page.query_params["g_steps"] in ("4", "5")
    close_pages(run)
    again = healthy(arriving(**page.query_params).run())
    for _ in range(6):
        healthy(again.run())
    snapshot = run.poll().snapshot
    assert snapshot is not None
    assert only_run(registry) is run
    assert (snapshot.stopped, len(snapshot.changes)) == ("Rebuilt up to iteration 6.", 3)
    assert (state(again).config.g_steps, state(again).config.d_steps) == (3, 2)


@pytest.mark.parametrize(("meanwhile", "reached"), [({}, 3), ({"g_steps": 7}, 0)], ids=["untouched", "changed"])
def test_a_recipe_waits_for_its_dataset_and_for_its_own_settings_alone(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, int], reached: int
) -> None:
    small = {name: str(value) for name, value in SMALL.items()}
    with monkeypatch.context() as patch:
        patch.setattr(datasets, "ensure_prepared", lambda config: False)
        page = healthy(arriving(**small, iterations="3").run())
        assert not registry._runs
    change(page, **meanwhile)
    for _ in range(5):
        healthy(page.run())
    snapshot = only_run(registry).poll().snapshot
    assert snapshot is not None
    assert snapshot.iteration == reached


def test_a_settings_link_trains_nothing(registry: Registry) -> None:
    page = healthy(arriving(seed="3").run())
    healthy(page.run())
    assert only_run(registry).poll().snapshot.iteration == 0  # type: ignore[union-attr]


def test_the_train_page_offers_the_recipe_and_shows_how_far_it_is(app: AppTest, registry: Registry) -> None:
    assert "copy_recipe_link" not in components(app)
    healthy(app.button(key="step").click().run())
    sizes = "generator_hidden=8&discriminator_hidden=8"
    assert components(app)["copy_recipe_link"]["text"] == f"?latent_dim=2&{sizes}&batch_size=4&iterations=1"
    app.session_state["g_steps"] = 3
    healthy(app.run())
    assert components(app)["copy_recipe_link"]["text"].endswith("&iterations=1&changes=1:g_steps=3")
    only_run(registry).send(Replay(Recipe(10, ())))
    healthy(app.run())
    (line,) = component(app, "text_message")["lines"]
    assert {"progress": 0.2} in line
    assert "Rebuilding the run: 2 of 10 iterations." in texts(app)


IMPOSSIBLE = {
    "own data": ({"config": GANConfig(dataset="own_points")}, "Your own data stays on this server"),
    "middle": ({"repeatable": False}, "A setting has changed in the middle of an iteration, which no link can repeat."),
    "long": ({"iteration": 1_000_001}, "A link rebuilds at most 1,000,000 iterations. **Whole run** under Download"),
    "large": (
        {"changes": (Change(1, {"drawing": STARTER}),) * 50},
        "The recipe of this run is too long for a link: 9,",
    ),
}


@pytest.mark.parametrize(("what", "sentence"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_run_that_no_link_can_rebuild_is_explained(
    app: AppTest, registry: Registry, monkeypatch: pytest.MonkeyPatch, what: dict[str, Any], sentence: str
) -> None:
    make = address.recipe_link
    monkeypatch.setattr(address, "recipe_link", lambda snapshot: make(replace(snapshot, **what)))
    press(app, "step")
    assert sentence in texts(app)
    assert "copy_recipe_link" not in components(app)
