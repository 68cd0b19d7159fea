"""Explanations and formulas of real stages."""

from dashboard.charts import stages
from gan_core.diagnostics.walkthrough import Walkthrough
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
