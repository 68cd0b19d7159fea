"""The lecture's training loop as text, each line under the stage that executes it, and what each stage means."""

from dataclasses import dataclass, replace

from gan_core.config import GANConfig, Network
from gan_core.diagnostics.views import StageView
from gan_core.losses import LOSSES

STAGES = ("noise", "fake", "scores", "loss", "zero_grad", "gradients", "update")


@dataclass(frozen=True)
class Line:
    """A line of the loop. ``stage`` is None for what only holds it together.

    ``together``: it belongs to a turn in which both networks are updated at the same weights.
    """

    text: str
    network: Network | None = None
    stage: str | None = None
    together: bool = False

    def runs(self, view: StageView) -> bool:
        """Whether this line is the stage that was just executed."""
        return (self.network, self.stage, self.together) == (
            view.network,
            view.stage,
            len(view.turns[view.turn]) > 1,
        )


def loop(config: GANConfig) -> tuple[Line, ...]:
    """One iteration as the lecture writes it, in the configured order and ratio."""
    d_steps, g_steps = config.d_steps, config.g_steps
    if config.update_order == "d_first":
        return _block("D", d_steps, config) + _block("G", g_steps, config)
    if config.update_order == "g_first":
        return _block("G", g_steps, config) + _block("D", d_steps, config)
    both = (*_d_body(config), *_g_body(config))
    steps = [line for line in both if line.stage == "update"]
    before = [line for line in both if line.stage != "update"]
    head = Line(f"for _ in range({min(d_steps, g_steps)}):  # both, at the same weights")
    rounds = (head, *(replace(line, together=True) for line in (*before, *steps)))
    if d_steps == g_steps:
        return rounds
    return rounds + _block("D" if d_steps > g_steps else "G", abs(d_steps - g_steps), config)


def _block(network: Network, steps: int, config: GANConfig) -> tuple[Line, ...]:
    body = _d_body(config) if network == "D" else _g_body(config)
    return (Line(f"for _ in range({steps}):  # {network} block"), *body)


def _d_body(config: GANConfig) -> tuple[Line, ...]:
    loss = LOSSES[config.loss]
    return (
        Line("    real = next(batches)", "D", "noise"),
        Line(f"    noise = torch.randn({config.batch_size}, {config.latent_dim})", "D", "noise"),
        Line("    fake = generator(noise).detach()", "D", "fake"),
        Line("    real_logits = discriminator(real)", "D", "scores"),
        Line("    fake_logits = discriminator(fake)", "D", "scores"),
        Line(f"    {loss.code_real}", "D", "loss"),
        Line(f"    {loss.code_fake}", "D", "loss"),
        Line(f"    {loss.code_total(config.gradient_penalty)}", "D", "loss"),
        Line("    d_optimizer.zero_grad()", "D", "zero_grad"),
        Line("    d_loss.backward()", "D", "gradients"),
        Line("    d_optimizer.step()", "D", "update"),
    )


def _g_body(config: GANConfig) -> tuple[Line, ...]:
    return (
        Line(f"    noise = torch.randn({config.batch_size}, {config.latent_dim})", "G", "noise"),
        Line("    fake = generator(noise)", "G", "fake"),
        Line("    with frozen(discriminator):  # D's weights take no gradient", "G", "scores"),
        Line("        fake_logits = discriminator(fake)", "G", "scores"),
        Line(f"    {LOSSES[config.loss].code_g}", "G", "loss"),
        Line("    g_optimizer.zero_grad()", "G", "zero_grad"),
        Line("    g_loss.backward()", "G", "gradients"),
        Line("    g_optimizer.step()", "G", "update"),
    )


TITLES = {
    "noise": "Noise",
    "fake": "Fakes",
    "scores": "Scores",
    "loss": "Loss",
    "zero_grad": "Zero the gradients",
    "gradients": "Backward",
    "update": "Optimiser step",
}

_WORDS: dict[tuple[Network, str], str] = {
    ("D", "noise"): "A batch of real samples is taken, and as many vectors of noise are drawn.",
    ("D", "fake"): "The generator turns the noise into fakes. They are detached: this block is about D, and no gradient"
    " is to go back into G.",
    ("D", "scores"): "D scores both batches: one logit for each sample, high where it takes the sample for real.",
    ("D", "zero_grad"): "backward() adds to what lies in .grad. So what the last update left there is thrown away first.",
    ("D", "gradients"): "backward() fills .grad of every weight of D: the direction in which the loss grows. No weight has"
    " moved yet, and G's .grad is as it was.",
    ("D", "update"): "The optimiser moves D's weights against their gradients. It holds D's parameters alone, so G stays"
    " as it is, whatever lies in G's .grad.",
    ("G", "noise"): "New noise: G is to learn from fakes that it has not just been judged on.",
    ("G", "fake"): "The generator makes fakes, this time not detached: the path back to its weights is kept.",
    ("G", "scores"): "D scores the fakes. Its weights are frozen for this: the gradient is to pass through D, not to stay"
    " in it. (The lecture leaves that out; then backward() also adds to D's .grad, and that is why D's block begins with"
    " zero_grad. The laboratory below shows it.)",
    ("G", "zero_grad"): "What the last update left in G's .grad is thrown away.",
    ("G", "gradients"): "The loss goes back through D into the pixels, and from the pixels into G's weights: D tells G what"
    " to change.",
    ("G", "update"): "The optimiser moves G's weights, and G's alone. The same noise would now score a little higher.",
}  # fmt: skip


def words(view: StageView) -> str:
    """One or two plain sentences on the stage that was just executed."""
    if view.stage == "loss":
        loss = LOSSES[view.config.loss]
        return loss.explanation_d if view.network == "D" else loss.explanation_g
    return _WORDS[view.network, view.stage]


def formula(view: StageView) -> str:
    """The loss with this batch's numbers in it, as LaTeX; empty before the loss stage."""
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
