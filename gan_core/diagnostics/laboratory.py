"""Try one iteration with changed rules on a copy of the run: fakes not detached, gradients not zeroed …"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gan_core.config import Network
from gan_core.diagnostics.measures import network_view, weights_of
from gan_core.diagnostics.views import Block, Experiment, Switches
from gan_core.training.trainer import Trainer

REPEATS = 3  # timed runs of each variant


def experiment(trainer: Trainer, switches: Switches) -> Experiment:
    """Run the lecture's two blocks with ``switches`` and, from the same state, without changes.

    Both run on copies: the trainer and its random generators do not change. The loss is the lecture's cross entropy,
    whatever the run uses. G's .grad is None at the start, so that gradients from D's block can be seen; D's .grad is
    the run's. Times are the shortest of ``REPEATS`` each, after one warm-up.
    """
    _iteration(trainer, Switches())
    repeats = [(_iteration(trainer, switches), _iteration(trainer, Switches())) for _ in range(REPEATS)]
    tried, unchanged = zip(*repeats, strict=True)
    updates = trainer.updates["D"], trainer.updates["G"]
    return Experiment(switches, _with_shortest_times(tried), _with_shortest_times(unchanged), updates)


def _with_shortest_times(runs: Sequence[tuple[Block, ...]]) -> tuple[Block, ...]:
    """Return the first run's blocks, each with its shortest time over all runs."""
    return tuple(replace(same[0], seconds=min(block.seconds for block in same)) for same in zip(*runs, strict=True))


def _iteration(original: Trainer, switches: Switches) -> tuple[Block, ...]:
    """Run the lecture's code on a copy, as a learner types it; unlike in the trainer, D's weights are not frozen for G."""
    trainer = Trainer(original.config, original.dataset)
    trainer.load_state_dict(original.state_dict())
    generator, discriminator = trainer.generator, trainer.discriminator
    for source, target in zip(original.discriminator.parameters(), discriminator.parameters(), strict=True):
        target.grad = None if source.grad is None else source.grad.clone()
    real, noise_d, noise_g = trainer.draw_real(), trainer.draw_noise("noise_d"), trainer.draw_noise("noise_g")
    generated: dict[str, Tensor] = {}

    def d_block() -> Tensor:
        fake = generated["fake"] = generator(noise_d)
        scored = fake.detach() if switches.detach else fake
        real_loss = bce(discriminator(real), trainer.ones)
        fake_loss = bce(discriminator(scored), trainer.zeros)
        loss: Tensor = (real_loss + fake_loss) / 2
        if switches.zero_grad:
            trainer.optimizer_d.zero_grad()
        loss.backward(retain_graph=switches.retain_graph)  # type: ignore[no-untyped-call]
        trainer.optimizer_d.step()
        return loss

    def g_block() -> Tensor:
        fake = generated["fake"] if switches.reuse_fakes else generator(noise_g)
        logits = discriminator(fake)
        loss: Tensor = bce(logits, trainer.ones) if switches.labels == "ones" else -bce(logits, trainer.zeros)
        if switches.zero_grad:
            trainer.optimizer_g.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        trainer.optimizer_g.step()
        return loss

    first = _run("D", d_block, generator, discriminator)
    return (first,) if first.error else (first, _run("G", g_block, generator, discriminator))


def _run(network: Network, block: Callable[[], Tensor], generator: nn.Module, discriminator: nn.Module) -> Block:
    before_g, before_d = weights_of(generator), weights_of(discriminator)
    error, loss = "", None
    began = time.perf_counter()
    try:
        loss = float(block().detach())
    except RuntimeError as problem:
        error = str(problem)
    seconds = time.perf_counter() - began
    g, d = network_view(generator, before_g, {}), network_view(discriminator, before_d, {})
    return Block(network, loss, seconds, g.gradient, d.gradient, g.change, d.change, error)
