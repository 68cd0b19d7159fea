"""The stages of an update: their titles, what each means, and the loss with its numbers."""

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

_EXPLANATIONS: dict[tuple[Network, str], str] = {
    ("D", "noise"): "The loop takes a batch of real samples and draws as many vectors of noise.",
    ("D", "fake"): "The generator turns the noise into fakes. They are detached: this block trains D, and no gradient flows"
    " back into G.",
    ("D", "scores"): "D scores both batches: one logit for each sample, high where D takes the sample for real.",
    ("D", "zero_grad"): "backward() adds to .grad. The gradients of the last update are removed first.",
    ("D", "gradients"): "backward() fills .grad of every weight of D with the direction in which the loss grows. No weight"
    " has moved yet, and G's .grad is unchanged.",
    ("D", "update"): "The optimiser moves D's weights against their gradients. It holds only D's parameters, so G stays"
    " unchanged, whatever its .grad holds.",
    ("G", "noise"): "The loop draws new noise: G learns from fakes that D has not just been trained on.",
    ("G", "fake"): "The generator makes fakes, this time not detached: the path back to its weights is kept.",
    ("G", "scores"): "D scores the fakes. Its weights are frozen here: the gradient passes through D and is not stored in"
    " it. (The lecture leaves that out; then backward() also adds to D's .grad, which is why D's block begins with"
    " zero_grad. The laboratory below shows it.)",
    ("G", "zero_grad"): "The gradients of G's last update are removed.",
    ("G", "gradients"): "The loss flows back through D into the fakes, and from the fakes into G's weights: D shows G what"
    " to change.",
    ("G", "update"): "The optimiser moves G's weights, and only G's. The same noise would now score a little higher.",
}  # fmt: skip


def explain_stage(view: StageView) -> str:
    """Explain the stage that was just executed, in one or two sentences."""
    if view.stage == "loss":
        loss = LOSSES[view.config.loss]
        return loss.explanation_d if view.network == "D" else loss.explanation_g
    return _EXPLANATIONS[view.network, view.stage]


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
