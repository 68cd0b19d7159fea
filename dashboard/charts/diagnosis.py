"""One sentence on how a run stands. Each rule rests on recorded numbers, names them, and is silent where they are unsure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.charts.explain import Recent, recent
from gan_core.config import GANConfig
from gan_core.losses import LOSSES
from gan_core.snapshot import Snapshot

FEWEST = 20  # iterations since the start or the last change: fewer say nothing yet
TRAINED = 100  # iterations before fakes are compared: an untrained generator's are alike too
ALIKE_IMAGES, ALIKE_POINTS = 0.12, 0.25  # spread of the fakes, as a share of that of the real samples
SLIGHTLY, CLEARLY, FAR = 0.1, 0.3, 0.6  # how far D is ahead, of 1
BEHIND = -0.05
WRONG, GUESSING, SKILLED = -0.1, 0.1, 0.2  # D's shares of right answers, their sum less 1: guessing has 0
FLAT = 0.1  # slope of loss_g
WEAK, TINY = 0.2, 0.01  # G's gradient norm where its loss is flat, and where it is not
APART = 0.5  # bits of divergence above that of two real samples
GAP = 0.1  # of a critic's scores: one that has just begun scores all alike
STEEP = 0.3  # how far the length of D's gradient may be from 1 where its scores measure a distance


@dataclass(frozen=True)
class Reading:
    """A sentence on a run. ``why``: what it rests on and means, and what to try where that is known to help."""

    text: str
    why: str


def reading(snapshot: Snapshot) -> Reading | None:
    """Return what the run's numbers say; None where they are too few, or say nothing for sure."""
    now = recent(snapshot)
    if now is None or not now.settled or now.iterations < FEWEST:
        return None
    return next((found for rule in RULES if (found := rule(snapshot, now)) is not None), None)


def _kind(snapshot: Snapshot) -> str:
    return "points" if snapshot.shape == (2,) else "images"


def _number(value: float) -> str:
    return f"{value:.1f}" if 1 <= value < 1e5 else f"{value:.2g}"


# Fakes ---------------------------------------------------------------------------------------------------------


def spread(samples: NDArray[np.float32]) -> float:
    """Return the root mean square distance of samples ``[n, *shape]`` from their mean."""
    return float(np.sqrt(samples.reshape(len(samples), -1).var(axis=0, dtype=np.float64).sum()))


def _alike(snapshot: Snapshot, now: Recent) -> Reading | None:
    """Mode collapse, as far as the shown fakes show it: they hardly vary."""
    fake, real, kind = spread(snapshot.fake), spread(snapshot.real), _kind(snapshot)
    limit = ALIKE_POINTS if kind == "points" else ALIKE_IMAGES
    if snapshot.samples_iteration < TRAINED or not fake < limit * real:
        return None
    share = fake / real
    shown = "less than 1%" if share < 0.005 else f"{share:.0%}"
    return Reading(
        f"The {len(snapshot.fake)} fakes are nearly alike: they vary {shown} as much as the real {kind}.",
        f"Their root mean square distance from their mean is {fake:.2g}, that of the real {kind}"
        f" {real:.2g}. Unless G has hardly learned yet, this is called mode collapse.{_slower_g(snapshot.config)}",
    )


def _slower_g(config: GANConfig) -> str:
    """Return what to try if G's steps are larger than D's; empty if not, or if their rules for a step differ.

    It is half D's pace: at D's own pace, one run in six of the ring still collapsed.
    """
    g, d = config.learning_rate_g * config.g_steps, config.learning_rate_d * config.d_steps
    if config.optimizer_g != config.optimizer_d or g <= 2 * d:
        return ""
    return (
        f" G moves faster than D: {config.g_steps} × {config.learning_rate_g:g} against"
        f" {config.d_steps} × {config.learning_rate_d:g} an iteration. Try a G learning rate of {d / config.g_steps / 2:.2g}"
        " and Reset; a collapsed generator may not recover without it."
    )


def _modes_missing(snapshot: Snapshot, now: Recent) -> Reading | None:
    view = snapshot.points
    if view is None or snapshot.samples_iteration < TRAINED:
        return None
    if not view.good >= 0.5 or view.covered > view.modes / 2:  # ``good`` is NaN where no modes are known
        return None
    return Reading(
        f"Modes are missing: {view.good:.0%} of the fakes are good, but they reach {view.covered} of {view.modes} modes.",
        "A fake is good within 3 standard deviations of a mode's centre. A mode is reached by a tenth of its fair share.",
    )


# Scores --------------------------------------------------------------------------------------------------------


def _lead(snapshot: Snapshot, now: Recent) -> Reading | None:
    """Who is ahead: by D's mean scores where they have a level of balance, else by its share of right answers."""
    loss, mean, kind = LOSSES[snapshot.config.loss], now.mean, _kind(snapshot)
    real, fake = mean["d_real"], mean["d_fake"]
    answers = f"right on {mean['accuracy_real']:.0%} of real, {mean['accuracy_fake']:.0%} of fakes"
    skill = mean["accuracy_real"] + mean["accuracy_fake"] - 1
    scored = loss.balance.score is not None
    lead, numbers = (real - fake, f"real {kind} score {real:.2f}, fakes {fake:.2f}") if scored else (skill, answers)
    if loss.threshold is None or not np.isfinite(lead + skill):
        return None
    why = f"Means of D's output and answers over the last {now.iterations} iterations. D is {answers}."
    if lead > SLIGHTLY and skill < GUESSING and not loss.is_probability:  # a few extreme scores move the means
        return Reading(f"D only guesses: {answers}.", why)
    if lead > SLIGHTLY:
        return _ahead(snapshot, now, lead, numbers, why)
    if lead < BEHIND and scored:
        return Reading(f"G is ahead: fakes score {fake:.2f}, real {kind} {real:.2f}.", why)
    if skill < WRONG:
        return Reading(f"D is wrong more often than right: {answers}.", why)
    if skill > SKILLED:  # its scores differ little, but most lie on their own side of the threshold
        return _ahead(snapshot, now, SLIGHTLY, answers, why)
    return _level(snapshot, "Near balance" if scored else "D only guesses", numbers, why)


def _ahead(snapshot: Snapshot, now: Recent, lead: float, numbers: str, why: str) -> Reading:
    """D is ahead by ``lead`` of 1; whether G gets a gradient from it is another question, with an answer of its own."""
    score, norm = now.mean["d_fake"], now.mean["grad_norm_g"]
    slope = LOSSES[snapshot.config.loss].slope_g(score)
    why += f" At D(G(z)) = {score:.2f}, the slope of G's loss is {_number(slope)}."
    if lead <= FAR:
        degree, gradient = "ahead" if lead > CLEARLY else "slightly ahead", "G's gradient norm is"
    elif norm < TINY or (slope < FLAT and norm < WEAK):
        degree, gradient = "far ahead", "G's gradient is weak: norm" if norm else "G gets no gradient: norm"
    else:
        degree, gradient = "far ahead", "G still gets a gradient: norm"
    return Reading(f"D is {degree}: {numbers}. {gradient} {_number(norm)}.", why)


def _level(snapshot: Snapshot, message: str, numbers: str, why: str) -> Reading:
    view = snapshot.points
    if view is not None and view.divergence > view.floor + APART:
        return Reading(
            f"{message}, yet divergence is {view.divergence:.2f} bits: {numbers}.",
            f"{why} Two samples of real points have a divergence of {view.floor:.2f} bits. D does not see the difference,"
            " or not yet.",
        )
    why += " A D that has learned nothing scores like this too, so look at the fakes."
    return Reading(f"{message}: {numbers}.", why)


def _critic(snapshot: Snapshot, now: Recent) -> Reading | None:
    """A critic's scores have no level; their difference measures a distance where D's gradient has length 1."""
    config, mean, kind = snapshot.config, now.mean, _kind(snapshot)
    if not LOSSES[config.loss].penalised:
        return None
    gap, norm = mean["d_real"] - mean["d_fake"], _number(mean["grad_norm_g"])
    measured = (
        f"Means of the last {now.iterations} iterations: D(x) {mean['d_real']:.2f}, D(G(z)) {mean['d_fake']:.2f}."
    )
    if gap < -GAP:
        return Reading(
            f"D is behind: it scores fakes {-gap:.2f} above real {kind}.",
            f"{measured} D should score real {kind} higher: its scores measure no distance now.",
        )
    if not config.gradient_penalty or not gap > GAP:
        return None
    penalty = mean["loss_d"] - mean["loss_d_real"] - mean["loss_d_fake"]
    off = np.sqrt(max(penalty, 0.0) / config.gradient_penalty)
    measured += f" The length of D's gradient is off 1 by {off:.2f} (root mean square). G's gradient norm is {norm}."
    if off > STEEP:
        return Reading(
            f"D scores real {kind} {gap:.2f} above fakes, no distance yet: its slope is off 1 by {off:.2f}.", measured
        )
    return Reading(
        f"D scores real {kind} {gap:.2f} above fakes: its estimate of how far apart they are.",
        f"{measured} Only near 1 do the scores estimate a distance. It falls as the fakes get better.",
    )


RULES: tuple[Callable[[Snapshot, Recent], Reading | None], ...] = (_alike, _modes_missing, _lead, _critic)
