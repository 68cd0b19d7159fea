"""Explanations and formulas of real stages."""

import math
from dataclasses import replace

import pytest

from dashboard.charts import stages
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.losses import LOSSES
from gan_core.training.gan import STAGES
from gan_core.training.trainer import Trainer
from tests.dashboard.charts.walks import SMALL, walk_through


def test_the_page_has_the_trainers_stages_in_their_order() -> None:
    assert stages.STAGES == STAGES


def test_a_loss_changed_during_an_iteration_is_shown_from_the_next_turn_on() -> None:
    trainer = Trainer(SMALL)
    walkthrough = Walkthrough(trainer)
    for _ in range(4):
        view = walkthrough.advance()
    trainer.reconfigure(SMALL.replace(loss="wasserstein_gp", g_steps=5))
    while not walkthrough.finished:
        later = walkthrough.advance()
        assert stages.explain_stage(later)
        assert (stages.formula(later) == "") == ("loss" not in later.losses)
        assert later.config.loss == ("bce" if later.turn == 0 else "wasserstein_gp")
        assert later.config.g_steps == 2, "this walk's turns were fixed when it began"
    assert view.config == SMALL


def test_there_is_no_formula_before_the_loss_stage() -> None:
    assert stages.formula(next(walk_through())) == ""


@pytest.mark.parametrize("loss", LOSSES)
def test_slow_motion_explains_each_stage_in_one_line_of_whole_sentences(loss: str) -> None:
    for view in walk_through(SMALL.replace(loss=loss)):
        line, whole = stages.summarise_stage(view), stages.explain_stage(view, shown=False)
        assert 20 < len(line) <= stages.ONE_LINE
        assert whole.startswith(line)
        assert line.endswith(".")


@pytest.mark.parametrize("loss", LOSSES)
def test_scores_are_called_sigmoids_only_where_they_are(loss: str) -> None:
    for view in walk_through(SMALL.replace(loss=loss)):
        sentence = stages.explain_stage(view)
        assert ("sigmoid" in sentence) == (view.stage == "scores" and LOSSES[loss].is_probability)


@pytest.mark.parametrize(("weight", "sentence"), [(0.0, True), (10.0, False)])
def test_a_penalty_without_weight_is_named(weight: float, sentence: bool) -> None:
    for view in walk_through(SMALL.replace(loss="wasserstein_gp", gradient_penalty=weight)):
        named = "The penalty's weight is 0" in stages.explain_stage(view)
        assert named == (sentence and (view.network, view.stage) == ("D", "loss"))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_step_names_its_own_networks_optimiser(optimizer: str) -> None:
    other = {"adam": "sgd", "sgd": "adam"}[optimizer]
    for view in walk_through(SMALL.replace(optimizer_d=optimizer, optimizer_g=other)):
        if view.stage == "update":
            name = {"adam": "Adam", "sgd": "SGD"}[optimizer if view.network == "D" else other]
            assert f"({name})" in stages.explain_stage(view)


@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_explanation_of_changes_agrees_with_their_numbers(order: str, loss: str) -> None:
    for view in walk_through(SMALL.replace(update_order=order, loss=loss)):
        if view.stage not in stages.CHANGES:
            continue
        sentence = stages.explain_changes(view)
        networks = {"G": view.generator, "D": view.discriminator}
        own, other = networks[view.network], networks["DG"[view.network == "D"]]
        name = "DG"[view.network == "D"]
        together = len(view.turns[view.turn]) > 1
        moved = own.change > 0
        assert ("No weight has moved" in sentence) == (view.stage == "gradients")
        if "No weight has moved" in sentence:
            assert own.change == other.change == 0
        assert (f"{view.network}'s step moved {view.network}'s weights" in sentence) == moved
        assert (f"{name}'s stay as they are" in sentence) == (moved and not together)
        assert ("although it holds gradients" in sentence) == (moved and not together and other.gradient is not None)
        assert ("have not moved yet" in sentence) == (moved and together and other.change == 0)
        assert ("moved just before" in sentence) == (moved and together and other.change > 0)
        assert (f"{view.network}'s .grad is None" in sentence) == (view.stage == "zero_grad")
        if view.stage == "zero_grad":
            assert own.gradient is None
            assert ("is None too" in sentence) == (other.gradient is None)


def test_a_step_that_moves_nothing_says_so_and_why() -> None:
    for view in walk_through(SMALL.replace(learning_rate_d=0.0)):
        if view.stage == "update":
            sentence = stages.explain_changes(view)
            assert ("D's step moved no weight: D's learning rate is 0." in sentence) == (view.network == "D")
            assert ("G's step moved G's weights" in sentence) == (view.network == "G")
    still = replace(view.generator, change=0.0)
    assert "too small" in stages.explain_changes(replace(view, generator=still))
    assert "every gradient is 0" in stages.explain_changes(replace(view, generator=replace(still, gradient=0.0)))
    broken = replace(view, generator=replace(still, change=math.nan))
    assert "not finite" in stages.explain_changes(broken)
