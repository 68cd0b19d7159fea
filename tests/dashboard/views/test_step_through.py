"""The Step through page without a browser."""

import itertools

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config import GANConfig
from gan_core.runs.budget import Budget
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import APP, component, components, go_to, healthy, texts
from tests.dashboard.views.test_train import only_run, press, state


def open_tab(app: AppTest, name: str) -> AppTest:
    """Open a tab beside the code; Streamlit's testing cannot click on one."""
    app.session_state["walk_tabs"] = name
    return healthy(app.run())


@pytest.fixture
def walk(app: AppTest) -> AppTest:
    """The Step through page of the visitor who was on the Train page."""
    return go_to(app, "walk")


def test_each_click_on_next_stage_executes_one_stage(walk: AppTest, registry: Registry) -> None:
    assert "Press Next stage" in texts(walk)
    for stage in range(21):
        press(walk, "walk_stage")
        view = state(registry)[1].walk
        assert view is not None
        assert f"stage {stage % 7 + 1} of 7" in texts(walk)
        lines = component(walk, "walk_code")["lines"]
        assert any(line["lit"] for line in lines)
        assert len(lines) == 21, "the whole loop is always there"
    assert state(registry)[1].iteration == 1
    press(walk, "walk_stage")
    assert "Iteration 2 · update 1 of 3 (D) · D, stage 1 of 7: Noise" in texts(walk)


def test_the_page_explains_which_network_an_update_changed(walk: AppTest) -> None:
    for _ in range(7):
        press(walk, "walk_stage")
    sentence = texts(walk)
    assert "D's step moved D's weights. G's stay as they are." in sentence
    assert "| :primary[Generator] | None | 0 |" in sentence
    press(walk, "walk_turn")
    assert "G's step moved G's weights. D's stay as they are although it holds gradients." in texts(walk)


def test_an_update_and_an_iteration_can_be_finished_and_training_continued(walk: AppTest, registry: Registry) -> None:
    press(walk, "walk_stage")
    press(walk, "walk_turn")
    assert "stage 7 of 7: Optimiser step" in texts(walk)
    assert state(registry)[1].iteration == 0
    press(walk, "step")
    assert state(registry)[1].iteration == 1
    press(walk, "walk_stage")
    press(walk, "start")
    assert state(registry)[0] == "running"
    assert state(registry)[1].walk is None
    assert walk.button(key="walk_stage").disabled
    press(walk, "pause")
    assert state(registry)[0] == "paused"


def test_each_stage_shows_only_what_it_made(walk: AppTest) -> None:
    made = {  # stage: what D's update shows, and G's
        "noise": ({"walk_real", "walk_noise"}, {"walk_noise"}),
        "fake": ({"walk_fakes"}, {"walk_fakes"}),
        "scores": ({"walk_real", "walk_fake"}, {"walk_fake"}),
        "loss": (set(), set()),
        "zero_grad": (set(), set()),
        "gradients": ({"walk_gradients"}, {"walk_gradients", "walk_sample_gradient"}),
        "update": ({"walk_update"}, {"walk_update"}),
    }
    for network in (0, 1):
        for stage, shown in made.items():
            press(walk, "walk_stage")
            keys = {key for key in components(walk) if key.startswith("walk_")} - {"walk_code"}
            assert keys == shown[network], (network, stage)
            assert bool(walk.latex) == (stage == "loss")
            assert ("| Network |" in texts(walk)) == (stage in ("zero_grad", "gradients", "update"))
            for key in keys & {"walk_gradients", "walk_update"}:
                (bars,) = component(walk, key)["data"]
                assert any(bars["x"]), "no chart is empty"


def test_no_chart_is_empty_where_nothing_moved(app: AppTest) -> None:
    healthy(app.number_input(key="learning_rate_d").set_value(0.0).run())
    walk = go_to(app, "walk")
    press(walk, "walk_turn")
    assert "D's step moved no weight: D's learning rate is 0." in texts(walk)
    assert "walk_update" not in components(walk)
    open_tab(walk, "Dead units")
    assert "no unit is off for the whole batch" in texts(walk)
    assert "walk_off" not in components(walk)


def test_details_appear_at_the_stages_that_compute_them(walk: AppTest) -> None:
    press(walk, "walk_turn")  # D's update
    for _ in range(6):
        press(walk, "walk_stage")  # G's, up to its gradients
    open_tab(walk, "What D tells G")
    assert "−∂loss_g/∂x over each fake" in texts(walk)
    assert len(component(walk, "walk_sample_gradient_large")["items"]) == 4, "the whole batch is four pictures here"
    open_tab(walk, "Saturating or not")
    assert "Mean slope of the loss" in texts(walk)
    assert component(walk, "walk_saturating")["data"]
    open_tab(walk, "Train and eval")
    assert "Expected more than 1 value per channel" in texts(walk)
    assert "| BatchNorm 8 |" in texts(walk)
    assert set(components(walk)) >= {"compared_train", "compared_eval"}


def test_the_laboratory_is_refused_where_the_server_has_no_memory_for_it(
    walk: AppTest, registry: Registry, little_memory: Budget
) -> None:
    (run,) = registry._runs.values()
    registry.restart(run.id, run.config)
    little_memory.per_run = little_memory.held
    open_tab(walk, "Detach laboratory")
    press(walk, "lab_try")
    assert "The laboratory's copy of this run, with the run itself, would take" in texts(walk)
    press(walk, "step")
    assert "The laboratory's copy" not in texts(walk), "the run goes on"


def test_no_table_has_an_empty_heading(walk: AppTest) -> None:
    for _ in range(7):
        press(walk, "walk_stage")
    tables = [texts(walk), texts(open_tab(walk, "Train and eval"))]
    open_tab(walk, "Detach laboratory")
    press(walk, "lab_try")
    tables.append(texts(walk))
    for text in tables:
        heads = [
            above for above, line in itertools.pairwise(text.splitlines()) if line.startswith("|") and "---" in line
        ]
        assert len(heads) == 1
        assert all(cell.strip() for cell in heads[0].strip("|").split("|"))


def test_captions_of_points_name_their_range(app: AppTest) -> None:
    healthy(app.selectbox(key="dataset").set_value("two_moons").run())
    walk = go_to(app, "walk")
    press(walk, "walk_stage")
    assert ":small[:blue[Real x]: the first 8, points in [−1, 1]²]" in texts(walk)
    press(walk, "walk_stage")
    press(walk, "walk_stage")
    assert "the first 8, points in [−1, 1]², with their scores; mean D(x) of all 128" in texts(walk)


@pytest.mark.parametrize(("dataset", "explanation"), [("two_moons", "the orange line"), ("digits", "grow brighter")])
def test_the_sample_gradient_is_explained_for_the_kind_of_data(app: AppTest, dataset: str, explanation: str) -> None:
    healthy(app.selectbox(key="dataset").set_value(dataset).run())
    walk = go_to(app, "walk")
    press(walk, "walk_turn")
    for _ in range(6):
        press(walk, "walk_stage")
    assert explanation in texts(walk)
    assert ("pixels" in texts(walk)) == (dataset == "digits")


def test_without_batch_norm_the_page_calls_nothing_normalised(app: AppTest) -> None:
    healthy(app.toggle(key="generator_batch_norm").set_value(False).run())
    walk = go_to(app, "walk")
    for _ in range(2):
        press(walk, "walk_stage")
    sentence = texts(open_tab(walk, "Train and eval"))
    assert "Without BatchNorm" in sentence
    assert "normalised" not in sentence
    assert "| Layer |" not in sentence


def test_the_laboratory_runs_an_experiment_and_restores_the_switches(walk: AppTest, registry: Registry) -> None:
    press(walk, "walk_stage")
    open_tab(walk, "Detach laboratory")
    walk.toggle(key="lab_detach").set_value(False)
    healthy(walk.toggle(key="lab_reuse_fakes").set_value(True).run())
    press(walk, "lab_try")
    assert "D's backward() has freed the graph through G" in texts(walk)
    assert "Trying to backward through the graph a second time" in "\n".join(code.value for code in walk.code)
    healthy(walk.toggle(key="lab_retain_graph").set_value(True).run())
    assert "The switches have changed since this result" in texts(walk)
    press(walk, "lab_try")
    assert "since this result" not in texts(walk)
    assert not walk.code
    assert "The graph was kept" in texts(walk)
    press(walk, "walk_turn")
    assert "Your run has trained on since this result" in texts(walk)
    press(walk, "lab_restore")
    assert walk.toggle(key="lab_detach").value
    assert not walk.toggle(key="lab_retain_graph").value
    assert state(registry)[1].experiment is None
    assert state(registry)[1].iteration == 0


def test_the_laboratory_shows_the_code_that_it_executes(walk: AppTest) -> None:
    open_tab(walk, "Detach laboratory")
    assert "walk_code" not in components(walk)
    assert not any(line["lit"] for line in component(walk, "lab_code")["lines"])
    healthy(walk.toggle(key="lab_ones").set_value(False).run())
    lit = [line["text"] for line in component(walk, "lab_code")["lines"] if line["lit"]]
    assert lit == ["g_loss = -bce(fake_logits, zeros)"]
    assert "saturating loss" in (walk.toggle(key="lab_ones").help or "")
    open_tab(walk, "This stage")
    assert "lab_code" not in components(walk)


@pytest.mark.parametrize("loss", ["bce_saturating", "least_squares", "wasserstein_gp"])
def test_every_other_loss_can_be_stepped_through(app: AppTest, loss: str) -> None:
    healthy(app.selectbox(key="loss").set_value(loss).run())
    walk = go_to(app, "walk")
    for _ in range(8):
        press(walk, "walk_stage")
    press(walk, "walk_turn")
    assert "Optimiser step" in texts(walk)


def test_the_step_through_page_takes_settings_from_its_address(registry: Registry) -> None:
    visitor = AppTest.from_file(APP, default_timeout=30)
    for name, value in {
        "g_steps": "5",
        "generator_hidden": "8, 4",
        "discriminator_batch_norm": "true",
        "seed": "x",
    }.items():
        visitor.query_params[name] = value
    go_to(visitor, "walk")
    expected = GANConfig(g_steps=5, generator_hidden=(8, 4), discriminator_batch_norm=True)
    assert only_run(registry).config == expected


def test_a_loss_can_change_while_a_run_is_stepped_through(walk: AppTest, registry: Registry) -> None:
    for _ in range(4):
        press(walk, "walk_stage")
    train = go_to(walk, "")
    assert "Paused inside iteration 1, after **" in texts(train)
    healthy(train.selectbox(key="loss").set_value("wasserstein_gp").run())
    back = go_to(train, "walk")
    for _ in range(18):
        press(back, "walk_stage")
    assert state(registry)[1].iteration == 1


def test_the_last_stage_stays_visible_after_finishing_an_iteration(walk: AppTest) -> None:
    press(walk, "walk_stage")
    press(walk, "step")
    assert "Iteration 1 · update 3 of 3 (G) · G, stage 7 of 7: Optimiser step" in texts(walk)


def test_settings_and_run_survive_a_visit_to_the_step_through_page(app: AppTest, registry: Registry) -> None:
    press(app, "step")
    app.slider(key="g_steps").set_value(5)
    healthy(app.number_input(key="seed").set_value(3).run())
    press(app, "reset")
    press(app, "step")
    run = only_run(registry).id
    walk = go_to(app, "walk")
    press(walk, "walk_stage")
    assert len(state(registry)[1].walk.turns) == 6  # type: ignore[union-attr]
    back = go_to(walk, "")
    assert only_run(registry).id == run
    assert back.slider(key="g_steps").value == 5
    assert back.number_input(key="seed").value == 3
    assert state(registry)[1].config.g_steps == 5
    assert state(registry)[1].walk is not None, "the walk waits where it was"
