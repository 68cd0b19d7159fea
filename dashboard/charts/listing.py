"""The lecture's training loop as lines of code, each with the stage that executes it."""

from dataclasses import dataclass, replace

from gan_core.config import GANConfig, Network
from gan_core.diagnostics.views import StageView, Switches
from gan_core.losses import LOSSES


@dataclass(frozen=True)
class CodeLine:
    """A line of the loop. ``stage`` is None for a line that no stage executes.

    ``together``: the line belongs to a turn in which both networks are updated at the same weights.
    """

    text: str
    network: Network | None = None
    stage: str | None = None
    together: bool = False

    def runs(self, view: StageView) -> bool:
        """Return whether the stage that was just executed is this line's."""
        return (self.network, self.stage, self.together) == (view.network, view.stage, len(view.turns[view.turn]) > 1)


def loop(config: GANConfig) -> tuple[CodeLine, ...]:
    """Return one iteration as the lecture writes it, in the configured order and ratio."""
    d_steps, g_steps = config.d_steps, config.g_steps
    if config.update_order == "d_first":
        return _block("D", d_steps, config) + _block("G", g_steps, config)
    if config.update_order == "g_first":
        return _block("G", g_steps, config) + _block("D", d_steps, config)
    both = (*_d_body(config), *_g_body(config))
    steps = [line for line in both if line.stage == "update"]
    before = [line for line in both if line.stage != "update"]
    head = CodeLine(f"for _ in range({min(d_steps, g_steps)}):  # both, at the same weights")
    rounds = (head, *(replace(line, together=True) for line in (*before, *steps)))
    if d_steps == g_steps:
        return rounds
    return rounds + _block("D" if d_steps > g_steps else "G", abs(d_steps - g_steps), config)


def _block(network: Network, steps: int, config: GANConfig) -> tuple[CodeLine, ...]:
    body = _d_body(config) if network == "D" else _g_body(config)
    return (CodeLine(f"for _ in range({steps}):  # {network} block"), *body)


def _d_body(config: GANConfig) -> tuple[CodeLine, ...]:
    loss = LOSSES[config.loss]
    return (
        CodeLine("    real = next(batches)", "D", "noise"),
        CodeLine(f"    {_noise(config)}", "D", "noise"),
        CodeLine("    fake = generator(noise).detach()", "D", "fake"),
        CodeLine("    real_logits = discriminator(real)", "D", "scores"),
        CodeLine("    fake_logits = discriminator(fake)", "D", "scores"),
        CodeLine(f"    {loss.code_real}", "D", "loss"),
        CodeLine(f"    {loss.code_fake}", "D", "loss"),
        CodeLine(f"    {loss.code_total(config.gradient_penalty)}", "D", "loss"),
        CodeLine("    d_optimizer.zero_grad()", "D", "zero_grad"),
        CodeLine("    d_loss.backward()", "D", "gradients"),
        CodeLine("    d_optimizer.step()", "D", "update"),
    )


def _g_body(config: GANConfig) -> tuple[CodeLine, ...]:
    return (
        CodeLine(f"    {_noise(config)}", "G", "noise"),
        CodeLine("    fake = generator(noise)", "G", "fake"),
        CodeLine("    with frozen(discriminator):  # D's weights take no gradient", "G", "scores"),
        CodeLine("        fake_logits = discriminator(fake)", "G", "scores"),
        CodeLine(f"    {LOSSES[config.loss].code_g}", "G", "loss"),
        CodeLine("    g_optimizer.zero_grad()", "G", "zero_grad"),
        CodeLine("    g_loss.backward()", "G", "gradients"),
        CodeLine("    g_optimizer.step()", "G", "update"),
    )


def _noise(config: GANConfig) -> str:
    size = f"{config.batch_size}, {config.latent_dim}"
    return f"noise = 2 * torch.rand({size}) - 1" if config.noise == "uniform" else f"noise = torch.randn({size})"


def laboratory_loop(config: GANConfig, switches: Switches) -> list[tuple[str, bool]]:
    """Return the laboratory's two blocks as it executes them, each line with whether a switch has changed it."""
    usual = Switches()
    lines, lecture = _laboratory(config, switches), _laboratory(config, usual)
    return [(text, text != before) for text, before in zip(lines, lecture, strict=True)]


def _laboratory(config: GANConfig, switches: Switches) -> list[str]:
    zeroed = "" if switches.zero_grad else "# left out: "
    reused = "# left out, the fakes are D's: " if switches.reuse_fakes else ""
    return [
        "# D block",
        "real = next(batches)",
        _noise(config),
        "fake = generator(noise)",
        "real_loss = bce(discriminator(real), ones)",
        f"fake_loss = bce(discriminator(fake{'.detach()' if switches.detach else ''}), zeros)",
        "d_loss = (real_loss + fake_loss) / 2",
        f"{zeroed}d_optimizer.zero_grad()",
        f"d_loss.backward({'retain_graph=True' if switches.retain_graph else ''})",
        "d_optimizer.step()",
        "# G block",
        f"{reused}{_noise(config)}",
        f"{reused}fake = generator(noise)",
        "fake_logits = discriminator(fake)",
        f"g_loss = {generator_loss(switches)}",
        f"{zeroed}g_optimizer.zero_grad()",
        "g_loss.backward()",
        "g_optimizer.step()",
    ]


def generator_loss(switches: Switches) -> str:
    """Return the expression with which the laboratory computes loss_g."""
    return "bce(fake_logits, ones)" if switches.labels == "ones" else "-bce(fake_logits, zeros)"
