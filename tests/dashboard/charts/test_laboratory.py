"""Each sentence of the laboratory is said where the numbers of a real experiment bear it out, and nowhere else."""

from dataclasses import replace
from itertools import product

import pytest

from dashboard.charts.laboratory import explain, same_numbers, table
from gan_core.diagnostics.laboratory import experiment
from gan_core.diagnostics.views import Experiment, Switches
from gan_core.training.trainer import Trainer
from tests.dashboard.charts.walks import SMALL

ALL = [
    Switches(detach, zero_grad, "ones" if ones else "zeros", reuse, retain)
    for detach, zero_grad, ones, reuse, retain in product((True, False), repeat=5)
]
SAME = "bit for bit"


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    trainer = Trainer(SMALL)
    trainer.step()
    return trainer


@pytest.mark.parametrize("switches", ALL)
def test_every_sentence_is_true_of_the_table(trainer: Trainer, switches: Switches) -> None:
    made = experiment(trainer, switches)
    message = explain(made)
    d, g = made.blocks
    usual_d, usual_g = made.unchanged
    same = same_numbers(d, usual_d) and same_numbers(g, usual_g)
    assert (SAME in message) == same
    assert ("Nothing is switched" in message) == (switches == Switches())
    assert ("has filled G's .grad" in message) == (d.gradient_g is not None) == (not switches.detach)
    assert ("No weight of G has moved in D's block" in message) == (not switches.detach and d.change_g == 0)
    assert ("plus the one that your run left there" in message) == (d.gradient_d != usual_d.gradient_d)
    assert ("D's .grad held nothing to add to" in message) == (
        not switches.zero_grad and d.gradient_d == usual_d.gradient_d
    )
    assert ("has freed the graph" in message) == bool(g.error)
    if not g.error:
        assert ("G's loss is −bce(fake_logits, zeros)" in message) == (switches.labels == "zeros") == (g.loss < 0)  # type: ignore[operator]
        assert ("scores D's fakes again" in message) == switches.reuse_fakes
        if switches.reuse_fakes:
            assert ("so its loss differs" in message) == (g.loss != usual_g.loss)
        assert ("can go through it again" in message) == (not switches.detach and switches.reuse_fakes)


def test_reused_fakes_change_the_loss_of_gs_block(trainer: Trainer) -> None:
    made = experiment(trainer, Switches(reuse_fakes=True))
    assert made.blocks[1].loss != made.unchanged[1].loss
    message = explain(made)
    assert SAME not in message
    assert "after D's step has moved D, so its loss differs" in message


def test_a_last_digit_that_the_table_does_not_show_counts_as_different(trainer: Trainer) -> None:
    made = experiment(trainer, Switches())
    assert "Nothing is switched: your rows show the lecture's numbers, bit for bit." in explain(made)
    d, g = made.blocks
    assert g.loss is not None
    near = replace(made, blocks=(d, replace(g, loss=g.loss + 1e-12)))
    assert table(near) == table(made)
    assert SAME in explain(made)
    assert "the numbers still differ" in explain(near)


@pytest.mark.parametrize(("seconds", "longer"), [(0.002, False), (0.004, False), (0.00404, False), (0.0052, True)])
def test_a_longer_time_is_reported_only_where_the_shown_time_is_longer(
    trainer: Trainer, seconds: float, longer: bool
) -> None:
    made = experiment(trainer, Switches(detach=False))
    timed = Experiment(
        made.switches,
        (replace(made.blocks[0], seconds=seconds), made.blocks[1]),
        (replace(made.unchanged[0], seconds=0.004), made.unchanged[1]),
        made.updates,
    )
    assert ("took longer" in explain(timed)) == longer


@pytest.mark.parametrize(("bias", "than"), [(-4.0, "smaller"), (4.0, "larger")])
def test_the_saturating_gradient_is_compared_as_it_is(bias: float, than: str) -> None:
    trainer = Trainer(SMALL.replace(learning_rate_d=0.0))
    trainer.discriminator[-1].bias.data.fill_(bias)  # type: ignore[operator, union-attr]
    made = experiment(trainer, Switches(labels="zeros"))
    assert f"‖G .grad‖ is {than} than in the lecture's row" in explain(made)


def test_a_fresh_run_without_zeroing_has_nothing_to_add_to() -> None:
    message = explain(experiment(Trainer(SMALL), Switches(zero_grad=False)))
    assert "D's .grad held nothing to add to" in message
    assert "Your switches change no number here" in message


@pytest.mark.parametrize("switches", ALL)
def test_every_column_has_a_heading_and_every_row_all_cells(trainer: Trainer, switches: Switches) -> None:
    made = experiment(trainer, switches)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table(made).splitlines()]
    assert {len(row) for row in rows} == {7}
    assert all(cell for row in rows for cell in row)
    assert len(rows) == 2 + 4
    named = "`-bce(fake_logits, zeros)`" in table(made)
    assert named == (switches.labels == "zeros")


def test_a_block_that_was_not_reached_is_named(trainer: Trainer) -> None:
    made = experiment(trainer, Switches(detach=False))
    stopped = replace(made, blocks=(replace(made.blocks[0], error="CUDA out of memory", loss=None),))
    assert "| G, your switches | not reached | – |" in table(stopped)
    assert SAME not in explain(stopped)


def test_an_experiment_names_the_state_of_the_run_it_was_made_of(trainer: Trainer) -> None:
    assert experiment(trainer, Switches()).updates == (trainer.updates["D"], trainer.updates["G"])
