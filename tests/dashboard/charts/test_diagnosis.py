"""Each sentence of the diagnosis appears on numbers that make it true, and on no others."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.charts.diagnosis import FEWEST, Reading, reading, spread
from gan_core.history import Trace
from gan_core.losses import LOSSES
from gan_core.metrics import COLUMNS
from gan_core.presets import PRESETS
from gan_core.runs.protocol import Step
from gan_core.runs.worker import Worker
from gan_core.snapshot import Mark, Snapshot
from gan_core.training.threads import thread_count

Make = Callable[..., Snapshot]
RING: dict[str, Any] = {"dataset": "eight_gaussians", "generator_batch_norm": False}


def traced(shown: Snapshot, iterations: int = 50, **means: float) -> Snapshot:
    """Return a snapshot in which every iteration measured the same: 0.5, or ``means``; D is right a little more often."""
    values = np.full((iterations, len(COLUMNS)), 0.5, np.float32)
    for name, value in ({"accuracy_real": 0.58, "accuracy_fake": 0.58} | means).items():
        values[:, COLUMNS.index(name)] = value
    return replace(shown, iteration=iterations, trace=Trace(np.arange(1, iterations + 1), values, 1), marks=())


def spreading(shown: Snapshot, share: float, iteration: int = 500) -> Snapshot:
    """Return a snapshot whose fakes spread this share of what its real samples do."""
    middle = shown.real.mean(axis=0)
    return replace(shown, fake=middle + np.float32(share) * (shown.real - middle), samples_iteration=iteration)


def found(shown: Snapshot) -> Reading:
    message = reading(shown)
    assert message is not None
    return message


# Scores: cross entropy and least squares -----------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["bce", "bce_saturating", "least_squares"])
def test_the_lead_is_the_difference_of_the_scores(snapshot: Make, loss: str) -> None:
    shown = snapshot(0, loss=loss)

    def says(real: float, fake: float) -> str:
        return found(traced(shown, d_real=real, d_fake=fake)).text

    assert says(0.9, 0.29).startswith("D is far ahead: real images score 0.90, fakes 0.29.")
    assert says(0.9, 0.31).startswith("D is ahead: ")
    assert says(0.7, 0.39).startswith("D is ahead: ")
    assert says(0.7, 0.41).startswith("D is slightly ahead: ")
    assert says(0.56, 0.45).startswith("D is slightly ahead: ")
    assert says(0.54, 0.45) == "Near balance: real images score 0.54, fakes 0.45."
    assert says(0.46, 0.5) == "Near balance: real images score 0.46, fakes 0.50."
    assert says(0.44, 0.5) == "G is ahead: fakes score 0.50, real images 0.44."


def test_extreme_scores_of_a_few_samples_do_not_put_d_ahead(snapshot: Make) -> None:
    scores = {"d_real": -1.91, "d_fake": -18.93}
    shown = traced(snapshot(0, loss="least_squares"), **scores, accuracy_real=0.51, accuracy_fake=0.5)
    assert found(shown).text == "D only guesses: right on 51% of real, 50% of fakes."
    right = traced(shown, **scores, accuracy_real=0.8, accuracy_fake=0.8)
    assert found(right).text.startswith("D is far ahead: real images score -1.91, fakes -18.93.")


@pytest.mark.parametrize("loss", ["bce", "least_squares"])
def test_a_sure_d_leaves_g_its_gradient_where_the_loss_does_not_saturate(snapshot: Make, loss: str) -> None:
    shown = traced(snapshot(0, loss=loss), d_real=0.98, d_fake=0.03, grad_norm_g=36.8)
    message = found(shown)
    assert message.text == "D is far ahead: real images score 0.98, fakes 0.03. G still gets a gradient: norm 36.8."
    assert "slope of G's loss is " + ("0.97" if loss == "bce" else "1.9") in message.why
    flat = found(traced(shown, d_real=0.98, d_fake=0.03, grad_norm_g=0.12))
    assert flat.text.endswith("G still gets a gradient: norm 0.12.")
    stuck = found(traced(shown, d_real=0.98, d_fake=0.03, grad_norm_g=0.0049))  # D or G itself is flat
    assert stuck.text.endswith("G's gradient is weak: norm 0.0049.")


def test_a_sure_d_takes_gs_gradient_away_where_the_loss_saturates(snapshot: Make) -> None:
    def says(fake: float, norm: float) -> Reading:
        return found(traced(snapshot(0, loss="bce_saturating"), d_real=0.98, d_fake=fake, grad_norm_g=norm))

    assert says(0.03, 0.12).text.endswith("G's gradient is weak: norm 0.12.")
    assert "slope of G's loss is 0.03" in says(0.03, 0.12).why
    assert says(0.11, 0.12).text.endswith("G still gets a gradient: norm 0.12.")  # the loss is not flat there
    assert says(0.03, 3.0).text.endswith("G still gets a gradient: norm 3.0.")  # a steep D makes up for it


def test_answers_decide_where_scores_are_close(snapshot: Make) -> None:
    def says(real: float, fake: float) -> str:
        return found(traced(snapshot(0), accuracy_real=real, accuracy_fake=fake)).text

    assert says(0.7, 0.51).startswith("D is slightly ahead: right on 70% of real, 51% of fakes.")
    assert says(0.7, 0.49).startswith("Near balance: ")
    assert says(0.4, 0.51).startswith("Near balance: ")
    assert says(0.4, 0.49) == "D is wrong more often than right: right on 40% of real, 49% of fakes."


def test_balance_far_from_the_data_is_not_called_good(snapshot: Make) -> None:
    shown = traced(snapshot(0, **RING))
    assert shown.points is not None
    view = replace(shown.points, floor=0.02)
    apart = found(replace(shown, points=replace(view, divergence=0.53)))
    assert apart.text.startswith("Near balance, yet divergence is 0.53 bits: real points score 0.50")
    assert "a divergence of 0.02 bits" in apart.why
    near = found(replace(shown, points=replace(view, divergence=0.51)))
    assert near.text == "Near balance: real points score 0.50, fakes 0.50."


# Hinge and Wasserstein -----------------------------------------------------------------------------------------


def test_under_the_hinge_loss_answers_say_who_is_ahead(snapshot: Make) -> None:
    shown = snapshot(0, loss="hinge")

    def says(real: float, fake: float) -> str:
        numbers = {"d_real": 3.0, "d_fake": -2.0, "grad_norm_g": 0.7}
        return found(traced(shown, accuracy_real=real, accuracy_fake=fake, **numbers)).text

    assert says(0.99, 0.7) == ("D is far ahead: right on 99% of real, 70% of fakes. G still gets a gradient: norm 0.7.")
    assert says(0.9, 0.6).startswith("D is ahead: ")
    assert says(0.7, 0.5).startswith("D is slightly ahead: ")
    assert says(1.0, 0.01) == "D only guesses: right on 100% of real, 1% of fakes."
    assert says(0.4, 0.45).startswith("D is wrong more often than right: ")


def test_a_critics_scores_are_called_a_distance_only_where_its_slope_is_near_one(snapshot: Make) -> None:
    shown = snapshot(0, loss="wasserstein_gp", gradient_penalty=10.0)
    none = {"accuracy_real": np.nan, "accuracy_fake": np.nan}

    def says(real: float, fake: float, off: float) -> Reading | None:
        parts = {"loss_d_real": -real, "loss_d_fake": fake, "loss_d": fake - real + 10 * off**2}
        return reading(traced(shown, d_real=real, d_fake=fake, **parts, **none))

    distance = says(5.0, 4.5, 0.1)
    assert distance is not None
    assert distance.text == "D scores real images 0.50 above fakes: its estimate of how far apart they are."
    assert "off 1 by 0.10" in distance.why
    steep = says(5.0, 4.5, 0.6)
    assert steep is not None
    assert steep.text == "D scores real images 0.50 above fakes, no distance yet: its slope is off 1 by 0.60."
    behind = says(4.5, 5.0, 0.1)
    assert behind is not None
    assert behind.text == "D is behind: it scores fakes 0.50 above real images."
    for real, fake, apart in ((5.0, 4.95, "+0.05"), (4.95, 5.0, "-0.05")):
        alike = says(real, fake, 0.1)
        assert alike is not None
        assert alike.text == f"D scores real images and fakes almost alike: {apart} apart."


def test_a_critic_without_penalty_estimates_no_distance(snapshot: Make) -> None:
    shown = snapshot(0, loss="wasserstein_gp", gradient_penalty=0.0)
    assert reading(traced(shown, d_real=5.0, d_fake=4.0)) is None


# Fakes that are nearly alike -----------------------------------------------------------------------------------


def test_nearly_equal_images_are_named_with_their_spread(snapshot: Make) -> None:
    shown = traced(snapshot(0), d_real=0.98, d_fake=0.03)
    message = found(spreading(shown, 0.04))
    assert message.text == "The 36 fakes are nearly alike: they vary 4% as much as the real images."
    assert f"{spread(shown.real):.2g}" in message.why
    assert "vary less than 1% as much" in found(spreading(shown, 0.001)).text
    assert found(spreading(shown, 0.11)).text.startswith("The 36 fakes are nearly alike")
    assert "alike" not in found(spreading(shown, 0.13)).text
    assert "alike" not in found(spreading(shown, 0.04, iteration=99)).text  # those of an untrained G are alike too
    assert "alike" not in found(spreading(replace(shown, real=np.zeros_like(shown.real)), 0.04)).text


def test_nearly_equal_points_are_named_from_a_larger_spread(snapshot: Make) -> None:
    shown = traced(snapshot(0, **RING))
    message = found(spreading(shown, 0.24))
    assert message.text == "The 400 fakes are nearly alike: they vary 24% as much as the real points."
    assert "alike" not in found(spreading(shown, 0.26)).text


def test_a_slower_g_is_advised_only_where_g_is_the_faster_one(snapshot: Make) -> None:
    def why(**settings: Any) -> str:
        shown = snapshot(0)
        return found(spreading(traced(replace(shown, config=shown.config.replace(**settings))), 0.04)).why

    fast = {"g_steps": 2, "d_steps": 1, "learning_rate_g": 2e-2, "learning_rate_d": 2e-4}
    assert "2 × 0.02 against 1 × 0.0002 an iteration. Try a G learning rate of 5e-05 and Reset" in why(**fast)
    assert "Try" not in why(**{**fast, "learning_rate_g": 2e-4})  # the lecture's: twice D's pace
    assert "Try" in why(**{**fast, "learning_rate_g": 2.1e-4})
    assert "Try" not in why(**{**fast, "optimizer_g": "sgd"})  # rates of two rules cannot be compared


def test_missing_modes_are_named_where_most_fakes_are_good(snapshot: Make) -> None:
    shown = spreading(traced(snapshot(0, **RING)), 1.0)
    assert shown.points is not None

    def says(covered: int, good: float, modes: int = 8) -> str:
        assert shown.points is not None
        return found(replace(shown, points=replace(shown.points, covered=covered, good=good, modes=modes))).text

    assert says(4, 0.85) == "Modes are missing: 85% of the fakes are good, but they reach 4 of 8 modes."
    assert "missing" not in says(5, 0.85)
    assert "missing" not in says(4, 0.49)
    assert "missing" not in says(0, np.nan, modes=0)


# Silence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_too_few_or_broken_numbers_say_nothing(snapshot: Make, loss: str) -> None:
    shown = snapshot(0, loss=loss)
    numbers = {"d_real": 3.0, "d_fake": 0.1}
    assert reading(shown) is None
    assert reading(traced(shown, FEWEST - 1, **numbers)) is None
    assert reading(traced(shown, FEWEST, **numbers)) is not None
    changed = replace(traced(shown, 100, **numbers), marks=(Mark(100 - FEWEST + 1, "Loss: Hinge"),))
    assert reading(changed) is None
    assert reading(replace(changed, marks=(Mark(100 - FEWEST, "Loss: Hinge"),))) is not None
    assert reading(traced(shown, **dict.fromkeys(COLUMNS, np.nan))) is None


# Real runs -----------------------------------------------------------------------------------------------------

SURE_D = {
    "generator_hidden": (32, 64), "discriminator_hidden": (64,), "latent_dim": 16, "batch_size": 32, "g_steps": 1,
    "d_steps": 5, "learning_rate_d": 2e-3, "generator_batch_norm": False,
}  # fmt: skip
FAST_G = {
    "generator_hidden": (64, 128, 256), "discriminator_hidden": (128, 64), "latent_dim": 32, "batch_size": 32,
    "learning_rate_g": 5e-3, "generator_batch_norm": False,
}  # fmt: skip


def readings(worker: Worker, every: int, times: int) -> Iterator[str]:
    """Train, and yield what is said every so many iterations."""
    worker.start()
    for _ in range(times):
        worker.handle(Step(every))
        snapshot = worker.report().snapshot
        assert snapshot is not None
        now = reading(snapshot)
        yield now.text if now else ""


@pytest.fixture
def run(tmp_path: Any) -> Callable[..., Worker]:
    """Make workers of runs so small that one thread computes them, in the same order on every machine."""

    def make(preset: str = "lecture", **settings: Any) -> Worker:
        config = PRESETS[preset].config.replace(device="cpu", **settings)
        assert thread_count(config, 784 if preset == "lecture" else 2, "cpu") == 1
        return Worker("test", config, Path(tempfile.mkdtemp(dir=tmp_path)))  # each run has its own folder

    return make


def test_the_same_sure_d_takes_the_gradient_of_one_loss_and_not_of_the_other(run: Callable[..., Worker]) -> None:
    saturating = list(readings(run(loss="bce_saturating", **SURE_D), 250, 1))
    plain = list(readings(run(loss="bce", **SURE_D), 250, 1))
    far_ahead = re.compile(r"D is far ahead: real images score (0\.9\d|1\.00), fakes 0\.0\d\. ")
    assert all(far_ahead.match(message) for message in saturating + plain)
    assert "G's gradient is weak" in saturating[0]
    assert "G still gets a gradient" in plain[0]


def test_images_of_a_g_that_is_too_fast_become_alike_and_a_slower_g_prevents_it(run: Callable[..., Worker]) -> None:
    collapsed = run(**FAST_G)
    assert any("nearly alike" in message for message in readings(collapsed, 50, 12))
    shown = collapsed.report().snapshot
    assert shown is not None
    assert "Try a G learning rate of 5e-05 and Reset" in found(spreading(shown, 0.1)).why
    advised = run(**{**FAST_G, "learning_rate_g": 5e-5})
    assert not any("alike" in message for message in readings(advised, 100, 10))
    shown = advised.report().snapshot
    assert shown is not None
    assert spread(shown.fake) > 0.4 * spread(shown.real)


def test_the_mode_collapse_preset_is_diagnosed_as_such_and_the_advice_helps(run: Callable[..., Worker]) -> None:
    collapsed = run("mode_collapse")
    message = list(readings(collapsed, 100, 15))
    assert sum("nearly alike" in text for text in message) >= 10
    assert "nearly alike" in PRESETS["mode_collapse"].description
    shown = collapsed.report().snapshot
    assert shown is not None
    advice = found(spreading(shown, 0.1)).why
    assert "Try a G learning rate of 0.0001 and Reset" in advice
    advised = run("mode_collapse", learning_rate_g=1e-4)
    assert not any("alike" in text or "missing" in text for text in readings(advised, 300, 5))
    snapshot = advised.report().snapshot
    assert snapshot is not None
    assert snapshot.points is not None
    assert snapshot.points.covered == 8


@pytest.mark.parametrize("preset", ["ring", "drawing"])
def test_healthy_presets_are_never_called_collapsed(run: Callable[..., Worker], preset: str) -> None:
    message = list(readings(run(preset), 50, 30))
    assert not any("alike" in text or "missing" in text for text in message)
    assert sum(bool(text) for text in message) > 25


def test_a_smaller_lecture_is_never_called_collapsed(run: Callable[..., Worker]) -> None:
    message = list(readings(run(**{**FAST_G, "learning_rate_g": 2e-4, "generator_batch_norm": True}), 50, 8))
    assert not any("alike" in text or "weak" in text for text in message)
    assert message[0].startswith("D is slightly ahead: real images score "), "it is right on few of the fakes"


@pytest.mark.parametrize("loss", LOSSES)
def test_no_sentence_is_longer_than_the_line(run: Callable[..., Worker], loss: str) -> None:
    message = list(readings(run("ring", loss=loss), 50, 20))
    assert 0 < max(map(len, message)) <= 90
