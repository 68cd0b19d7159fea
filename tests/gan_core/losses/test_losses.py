"""Every loss equals its formula, written here in plain Python."""

import math
import re

import pytest
import torch
from torch import Tensor, nn

from gan_core.losses import LOSSES
from gan_core.losses.base import Loss
from tests.gan_core.support import Recorded, points, tiny, tiny_trainer

REAL, FAKE = torch.tensor([[2.0], [-1.0], [0.5]]), torch.tensor([[0.3], [-2.5], [1.0]])
ONES, ZEROS = torch.ones(3, 1), torch.zeros(3, 1)


def mean(values: Tensor, formula: object) -> float:
    assert callable(formula)
    return sum(formula(value) for value in values.flatten().tolist()) / values.numel()


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def minus_log(logit: float) -> float:
    return -math.log(sigmoid(logit))


def minus_log_of_the_rest(logit: float) -> float:
    return -math.log(1 - sigmoid(logit))


FORMULAS = {  # real part, fake part, loss_g; and whether loss_d is the parts' mean
    "bce": (minus_log, minus_log_of_the_rest, minus_log, True),
    "bce_saturating": (minus_log, minus_log_of_the_rest, lambda v: math.log(1 - sigmoid(v)), True),
    "least_squares": (lambda v: (v - 1) ** 2, lambda v: v**2, lambda v: (v - 1) ** 2, True),
    "hinge": (lambda v: max(0.0, 1 - v), lambda v: max(0.0, 1 + v), lambda v: -v, False),
    "wasserstein_gp": (lambda v: -v, lambda v: v, lambda v: -v, False),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_equals_its_formula(name: str) -> None:
    loss = LOSSES[name]
    real_formula, fake_formula, generator_formula, averaged = FORMULAS[name]
    real_part, fake_part = loss.discriminator(REAL, FAKE, ONES, ZEROS)
    expected = (mean(REAL, real_formula), mean(FAKE, fake_formula))
    assert (float(real_part), float(fake_part)) == pytest.approx(expected, rel=1e-6)
    total = sum(expected) / 2 if averaged else sum(expected)
    assert float(loss.combine(real_part, fake_part)) == pytest.approx(total, rel=1e-6)
    assert float(loss.generator(FAKE, ONES, ZEROS)) == pytest.approx(mean(FAKE, generator_formula), rel=1e-6)
    score = sigmoid if name.startswith("bce") else float
    assert loss.score(REAL).flatten().tolist() == pytest.approx([score(v) for v in REAL.flatten().tolist()])


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_of_loss_g_raises_the_fakes_score(name: str) -> None:
    logits = FAKE.clone().requires_grad_(True)
    LOSSES[name].generator(logits, ONES[:3], ZEROS[:3]).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    sign = -1.0 if name != "least_squares" else None
    expected = torch.full((3, 1), -1.0) if sign else torch.sign(FAKE - 1)
    assert torch.equal(torch.sign(logits.grad), expected)


@pytest.mark.parametrize("name", ["bce", "bce_saturating", "least_squares"])
def test_balance_is_the_loss_of_a_d_that_cannot_tell_real_from_fake(name: str) -> None:
    balance = LOSSES[name].balance
    loss = LOSSES[name]
    undecided = torch.full((3, 1), 0.0 if name.startswith("bce") else 0.5)
    parts = loss.discriminator(undecided, undecided, ONES, ZEROS)
    assert float(loss.combine(*parts)) == pytest.approx(balance.loss_d)
    assert float(loss.generator(undecided, ONES, ZEROS)) == pytest.approx(balance.loss_g)
    assert float(loss.score(undecided).mean()) == balance.score


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("logit", [-3.0, 0.0, 0.4, 2.0])
def test_slope_g_is_the_gradient_of_loss_g_at_a_fake(name: str, logit: float) -> None:
    loss, one = LOSSES[name], torch.ones(1, 1)
    fake = torch.full((1, 1), logit, requires_grad=True)
    loss.generator(fake, one, torch.zeros(1, 1)).backward()  # type: ignore[no-untyped-call]
    assert fake.grad is not None
    assert loss.slope_g(float(loss.score(fake.detach()))) == pytest.approx(abs(float(fake.grad)), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "sentence", "logit"),
    [
        ("bce", "0.5 for every sample, both losses are ln 2 = 0.693", 0.0),
        ("bce_saturating", "0.5 for all, D loss is 0.693, G loss -0.693", 0.0),
        ("least_squares", "0.5 for every sample, both losses are 0.25", 0.5),
        ("hinge", "0 for every sample, D loss is 2", 0.0),
    ],
)
def test_the_levels_in_a_reading_are_those_of_a_d_that_outputs_one_value(
    name: str, sentence: str, logit: float
) -> None:
    loss, same = LOSSES[name], torch.full((3, 1), logit)
    assert sentence in loss.reading
    d, g = (float(loss.combine(*loss.discriminator(same, same, ONES, ZEROS))), float(loss.generator(same, ONES, ZEROS)))
    numbers = {float(number) for number in re.findall(r"-?\d+\.?\d*", sentence.replace("ln 2", ""))}
    expected = {float(loss.score(same)[0]), d} | (set() if name == "hinge" else {g})
    assert sorted(numbers) == pytest.approx(sorted({round(value, 3) for value in expected}))


def test_the_wasserstein_losss_d_loss_is_the_difference_of_scores_plus_the_penalty() -> None:
    loss = LOSSES["wasserstein_gp"]
    total = float(loss.combine(*loss.discriminator(REAL, FAKE, ONES, ZEROS)))
    assert "D loss is D(G(z)) - D(x), plus the penalty" in loss.reading
    assert total == pytest.approx(float(FAKE.mean() - REAL.mean()))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
@pytest.mark.parametrize("weight", [0.0, 1.0, 10.0])
def test_the_explanation_of_loss_d_names_the_penalty_only_where_the_loss_has_one(loss: Loss, weight: float) -> None:
    text = loss.explain_d(weight)
    assert text.startswith(loss.explanation_d)
    assert ("penalty grows as the length of D's gradient departs from 1" in text) == (loss.penalised and weight > 0)
    assert ("penalty's weight is 0" in text) == (loss.penalised and weight == 0)
    assert ("penalty" in text) == loss.penalised


def test_the_saturating_losss_slope_is_the_score_that_its_explanation_names() -> None:
    loss = LOSSES["bce_saturating"]
    assert "slope of this loss over a fake's logit is D(G(z))" in loss.explanation_g
    assert [loss.slope_g(score) for score in (0.0, 0.01, 0.5, 1.0)] == [0.0, 0.01, 0.5, 1.0]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))
def test_a_reading_fits_a_tooltip(loss: Loss) -> None:
    assert len(loss.reading) <= 110


def test_the_penalty_of_a_linear_critic_equals_its_formula() -> None:
    """∇(w·x) = w everywhere: the penalty is (‖w‖ - 1)², its gradient 2(‖w‖ - 1)w/‖w‖."""
    critic = nn.Linear(2, 1)
    critic.weight.data = torch.tensor([[3.0, 4.0]])
    penalty = LOSSES["wasserstein_gp"].penalty(
        critic, torch.rand(5, 2), torch.rand(5, 2), torch.Generator().manual_seed(0)
    )
    penalty.backward()  # type: ignore[no-untyped-call]
    assert penalty.item() == pytest.approx(16.0)
    assert critic.weight.grad is not None
    assert critic.weight.grad.tolist() == [pytest.approx([8 * 0.6, 8 * 0.8])]


class Bowl(nn.Module):
    """‖x‖²/2, whose gradient is x itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x.square().sum(1, keepdim=True) / 2


def test_the_penalty_is_taken_between_each_real_sample_and_its_fake() -> None:
    real, fake = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([[-3.0, -4.0], [2.0, 1.0]])
    mix = torch.rand(2, 1, generator=torch.Generator().manual_seed(7)).double()
    between = mix * real.double() + (1 - mix) * fake.double()
    expected = (between.square().sum(1).sqrt() - 1).square().mean()
    penalty = LOSSES["wasserstein_gp"].penalty(Bowl(), real, fake, torch.Generator().manual_seed(7))
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_trainer_adds_the_weighted_penalty_to_loss_d() -> None:
    def losses(weight: float) -> tuple[float, float]:
        trainer = Recorded(tiny(loss="wasserstein_gp", gradient_penalty=weight), points())
        for _ in trainer.walk("D"):
            pass
        tensors = next(tensors for _, name, tensors in trainer.seen if name == "loss")
        return float(tensors["loss"]), float(tensors["real_part"] + tensors["fake_part"])

    (plain, parts), (once, _), (twice, _) = losses(0.0), losses(1.0), losses(2.0)
    assert plain == pytest.approx(parts, abs=1e-7)
    assert once - plain > 0.01
    assert twice - plain == pytest.approx(2 * (once - plain), rel=1e-4)


@pytest.mark.parametrize("name", ["bce", "bce_saturating", "least_squares"])
def test_gradient_penalty_does_not_change_other_losses(name: str) -> None:
    first, second = (tiny_trainer(loss=name, gradient_penalty=weight).step() for weight in (0.0, 1000.0))
    assert float(first.loss_d) == float(second.loss_d)
