"""The stages of an update: their titles, what each means, and the loss with its numbers."""

import math

from gan_core.config import Network
from gan_core.diagnostics.views import StageView
from gan_core.losses import LOSSES

TITLES = {
    "noise": "Noise",
    "fake": "Fakes",
    "scores": "Scores",
    "loss": "Loss",
    "zero_grad": "Zero the gradients",
    "gradients": "Backward",
    "update": "Optimiser step",
}
STAGES = tuple(TITLES)
ONE_LINE = 115  # characters, beside the status in a window of 1280 pixels
CHANGES = ("zero_grad", "gradients", "update")  # the stages that change a .grad or a weight

_OPTIMIZERS = {"adam": "Adam", "sgd": "SGD"}

_EXPLANATIONS: dict[tuple[Network, str], str] = {
    ("D", "noise"): "The loop takes {batch} real samples and draws as many vectors of noise, {numbers} each.",
    ("D", "fake"): "The generator turns the noise into fakes. They are detached: this block trains D, and no gradient flows"
    " back into G.",
    ("D", "scores"): "D scores both batches: one logit for each sample, higher where D takes the sample for real.{scores}",
    ("D", "zero_grad"): "backward() adds to .grad. What the last update left in D's .grad is removed first.",
    ("D", "gradients"): "backward() fills .grad of every weight of D with the direction in which the loss grows. G's .grad"
    " is unchanged, because the fakes are detached.",
    ("D", "update"): "D's optimiser ({optimizer}) computes a step from each gradient and adds it to the weight. It holds"
    " only D's parameters, so it cannot change G, whatever G's .grad holds.",
    ("G", "noise"): "The loop draws {batch} new vectors of noise, {numbers} each: G learns from fakes that D has not been"
    " trained on.",
    ("G", "fake"): "The generator makes fakes. They are not detached this time: the path back to G's weights is kept.",
    ("G", "scores"): "D scores the fakes.{scores} D's weights are frozen, so the gradient will pass through D without"
    " filling D's .grad.{laboratory}",
    ("G", "zero_grad"): "backward() adds to .grad. What the last update left in G's .grad is removed first.",
    ("G", "gradients"): "The gradient of the loss flows back through D into the fakes, and from them into G's weights."
    " This is how D shows G what to change.",
    ("G", "update"): "G's optimiser ({optimizer}) computes a step from each gradient and adds it to the weight. It holds"
    " only G's parameters, so it cannot change D.",
}  # fmt: skip


def summarise_stage(view: StageView) -> str:
    """Explain the stage that was just executed in one line, as slow motion has no time for more: at most ``ONE_LINE``."""
    text = explain_stage(view, shown=False)
    return text if len(text) <= ONE_LINE else text[: text.index(". ") + 1]


def explain_stage(view: StageView, shown: bool = True) -> str:
    """Explain the stage that was just executed, in one or two sentences; ``shown``: what it made stands below, with tabs."""
    config, loss = view.config, LOSSES[view.config.loss]
    if view.stage == "loss":
        return loss.explain_d(config.gradient_penalty) if view.network == "D" else loss.explanation_g
    return _EXPLANATIONS[view.network, view.stage].format(
        batch=config.batch_size,
        numbers="1 number" if config.latent_dim == 1 else f"{config.latent_dim} numbers",
        scores=_under_samples(loss.is_probability) if shown else "",
        laboratory=" The Detach laboratory shows the loop without freezing." if shown else "",
        optimizer=_OPTIMIZERS[config.optimizer_d if view.network == "D" else config.optimizer_g],
    )


def _under_samples(is_probability: bool) -> str:
    if is_probability:
        return " Below each sample is its score, the sigmoid of its logit."
    return " Below each sample is its logit."


def explain_changes(view: StageView) -> str:
    """Explain which gradients and weights one of the stages ``CHANGES`` has changed, and which not."""
    other: Network = "G" if view.network == "D" else "D"
    kept = view.discriminator if view.network == "G" else view.generator
    if view.stage == "zero_grad":
        rest = "is None too" if kept.gradient is None else f"still holds {other}'s last gradient"
        return f"{view.network}'s .grad is None: nothing is left to add to. {other}'s .grad {rest}."
    if view.stage == "gradients":
        return "No weight has moved in this update yet: only step() moves weights."
    return f"{_own_step(view)} {_other_network(view, other)}"


def _own_step(view: StageView) -> str:
    name = view.network
    own = view.discriminator if name == "D" else view.generator
    if not math.isfinite(own.change):
        return f"{name}'s step left weights that are not finite numbers."
    if own.change > 0:
        return f"{name}'s step moved {name}'s weights."
    rate = view.config.learning_rate_d if name == "D" else view.config.learning_rate_g
    if rate == 0:
        return f"{name}'s step moved no weight: {name}'s learning rate is 0."
    if own.gradient == 0:
        return f"{name}'s step moved no weight: every gradient is 0."
    return f"{name}'s step moved no weight: every step was too small to change one."


def _other_network(view: StageView, other: Network) -> str:
    kept = view.discriminator if other == "D" else view.generator
    turn = view.turns[view.turn]
    if len(turn) > 1 and view.network == turn[0]:
        return f"{other}'s have not moved yet: both gradients were taken at the same weights, and {other}'s step comes next."
    if kept.change > 0:
        return f"{other}'s moved just before, with a gradient that was taken at the same weights."
    return f"{other}'s stay as they are" + (" although it holds gradients." if kept.gradient else ".")


def formula(view: StageView) -> str:
    """Return the loss with this batch's numbers in it, as LaTeX; empty before the loss stage."""
    loss, values = LOSSES[view.config.loss], view.losses
    if "loss" not in values:
        return ""
    total = f"{values['loss']:.4f}"
    if view.network == "G":
        return f"{loss.formula_g} = {total}"
    real, fake = f"{values['real_part']:.4f}", f"{values['fake_part']:.4f}"
    whole = rf"\tfrac12({real} + {fake})" if loss.averaged else f"({real}) + ({fake})"
    if loss.penalised:
        whole += rf" + {view.config.gradient_penalty:g}\cdot{values['penalty']:.4f}"
    rows = (
        rf"\text{{real}} &= {loss.formula_real} = {real}",
        rf"\text{{fake}} &= {loss.formula_fake} = {fake}",
        rf"\text{{loss}} &= {whole} = {total}",
    )
    return r"\begin{aligned}" + r"\\[4pt]".join(rows) + r"\end{aligned}"
