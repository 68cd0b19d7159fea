"""A GAN in training, and the reference path through an update: plain autograd, stage by stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

from gan_core.config import GANConfig, Network
from gan_core.data import load_dataset
from gan_core.data.dataset import Dataset
from gan_core.data.errors import DataError
from gan_core.data.sampler import BatchSampler
from gan_core.device import resolve_device
from gan_core.losses import LOSSES
from gan_core.metrics import Metrics
from gan_core.networks import batch_statistics_only, build_network, frozen, set_training_mode
from gan_core.noise import draw_noise
from gan_core.seeds import stream
from gan_core.training.arithmetic import choose_arithmetic
from gan_core.training.optimizers import build_optimizer

STAGES = ("noise", "fake", "scores", "loss", "zero_grad", "gradients", "update")


@dataclass(frozen=True)
class Stage:
    """A finished stage of an update, with the tensors that it computed."""

    network: Network
    name: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


class GAN:
    """Networks, optimisers, data and randomness of one run.

    ``walk("D")`` is the reference path through an update: a generator that yields after each of ``STAGES``. It shares no
    arithmetic with the faster engines, which are tested against it. ``measured``: what the last update of each network
    measured, by name, 0-d. ``last_noise``: the noise of the generator's last update.

    Raises DeviceUnavailable if this machine lacks the device, DataError if the dataset is unknown or smaller than a
    batch.
    """

    def __init__(self, config: GANConfig, dataset: Dataset | None = None) -> None:
        self.config = config
        self.device = resolve_device(config.device)
        self.dataset = (dataset or load_dataset(config)).to(self.device)
        if config.batch_size > self.dataset.count:
            count = self.dataset.count
            right = f"it should be from 2 to {count:,}, the number of samples of {self.dataset.title}"
            raise DataError(GANConfig.setting("batch_size").refusal(config.batch_size, right))
        self.arithmetic = choose_arithmetic(config, self.dataset.features, self.device)
        self.generator = build_network(config, "G", self.dataset.features).to(self.device)
        self.discriminator = build_network(config, "D", self.dataset.features).to(self.device)
        self.optimizer_g = build_optimizer(config, "G", self.generator)
        self.optimizer_d = build_optimizer(config, "D", self.discriminator)
        # Made once, before the loop, as in the lecture.
        self.ones = torch.ones(config.batch_size, 1, dtype=torch.float32, device=self.device)
        self.zeros = torch.zeros(config.batch_size, 1, dtype=torch.float32, device=self.device)
        self.sampler = BatchSampler(self.dataset.count, config.batch_size, stream(config.seed, "data_order"))
        self.random = {
            name: stream(config.seed, name, self.device) for name in ("noise_d", "noise_g", "gradient_penalty")
        }
        self.iteration = 0
        self.updates = {"D": 0, "G": 0}
        self.measured: dict[Network, Mapping[str, Tensor]] = {}
        self.last_noise: Tensor | None = None
        self._batches: Iterator[Tensor] | None = None  # indices that replace the sampler's

    def network(self, name: Network) -> nn.Sequential:
        """Return the generator or the discriminator."""
        return self.discriminator if name == "D" else self.generator

    def turns(self) -> tuple[tuple[Network, ...], ...]:
        """Return ``GANConfig.turns`` of the present settings."""
        return self.config.turns()

    def draw_real(self) -> Tensor:
        """Return the next batch of real samples, float32 ``[batch, features]``."""
        return self.dataset.batch(self.sampler.next() if self._batches is None else next(self._batches))

    def draw_noise(self, name: str) -> Tensor:
        """Return a batch of noise ``[batch, latent_dim]`` from the random stream ``name``."""
        return draw_noise((self.config.batch_size, self.config.latent_dim), self.config.noise, self.random[name])

    # One iteration -----------------------------------------------------------------------------------------

    def walk_iteration(self, row: Tensor, batches: Iterator[Tensor] | None = None) -> None:
        """Train one iteration on the reference path and write its metrics into ``row``, float32 ``[len(COLUMNS)]``.

        ``batches``: indices of the real samples of each update of D, int64 ``[batch]``, instead of the sampler's.
        """
        self._batches = batches
        try:
            for turn in self.turns():
                for _ in self.walk_turn(turn):
                    pass
        finally:
            self._batches = None
        torch.stack(self.finish_iteration(), out=row)

    def finish_iteration(self) -> Metrics:
        """Count an iteration whose turns are all done, and return its metrics."""
        self.iteration += 1
        measured = {**self.measured["D"], **self.measured["G"], "d_fake_after": self._score_after()}
        return Metrics(**measured)

    @torch.no_grad()
    def _score_after(self) -> Tensor:
        """Return the mean D(G(z)), 0-d, on the noise of G's last update, now that all turns are done."""
        self.set_training_mode()
        assert self.last_noise is not None, "every iteration has at least one update of G"
        with (
            self.arithmetic.forward(),
            batch_statistics_only(self.generator),
            batch_statistics_only(self.discriminator),
        ):
            logits = self.discriminator(self.generator(self.last_noise)).float()
        return LOSSES[self.config.loss].score(logits).mean()

    # One update, stage by stage ----------------------------------------------------------------------------

    def walk_turn(self, turn: Sequence[Network]) -> Iterator[Stage]:
        """Yield the stages of one turn; with several networks, all gradients come before the first step."""
        walks = [self.walk(network) for network in turn]
        for walk in walks:
            for stage in walk:
                yield stage
                if stage.name == "gradients":
                    break
        for walk in walks:
            yield from walk

    def walk(self, network: Network) -> Iterator[Stage]:
        """Yield the stages of one update of ``network``; each is computed when it is requested.

        Both networks are in training mode in every stage. Raises ValueError if ``network`` is neither "D" nor "G".
        """
        if network not in ("D", "G"):
            raise ValueError(f"network = {network!r} is not possible; it should be 'D' or 'G'.")
        return self._in_training_mode(self._walk_d() if network == "D" else self._walk_g())

    def _in_training_mode(self, stages: Iterator[Stage]) -> Iterator[Stage]:
        while True:
            self.set_training_mode()
            stage = next(stages, None)
            if stage is None:
                return
            yield stage

    def set_training_mode(self) -> None:
        """Put both networks in the mode that an update needs: users leave ``generator.eval()`` on, or freeze weights."""
        set_training_mode(self.generator)
        set_training_mode(self.discriminator)

    def _walk_d(self) -> Iterator[Stage]:
        loss = LOSSES[self.config.loss]
        real, noise = self.draw_real(), self.draw_noise("noise_d")
        yield Stage("D", "noise", {"real": real, "noise": noise})

        with torch.no_grad(), self.arithmetic.forward():  # only D learns here
            fake = self.generator(noise)
        yield Stage("D", "fake", {"fake": fake})

        with self.arithmetic.forward():
            real_logits, fake_logits = self._logits(real, fake)
        yield Stage("D", "scores", {"real_logits": real_logits, "fake_logits": fake_logits})

        real_part, fake_part = loss.discriminator(real_logits, fake_logits, self.ones, self.zeros)
        total = loss.combine(real_part, fake_part)
        made = {"real_part": real_part, "fake_part": fake_part}
        if loss.penalised:
            with self.arithmetic.products():
                made["penalty"] = loss.penalty(self.discriminator, real, fake, self.random["gradient_penalty"])
            total = total + self.config.gradient_penalty * made["penalty"]
        yield Stage("D", "loss", {**made, "loss": total})

        self.optimizer_d.zero_grad()
        yield Stage("D", "zero_grad")

        self._backward(total)
        yield Stage("D", "gradients")

        self._measure(
            "D",
            loss_d=total,
            loss_d_real=real_part,
            loss_d_fake=fake_part,
            d_real=loss.score(real_logits).mean(),
            grad_norm_d=_gradient_norm(self.discriminator),
            accuracy_real=loss.accuracy(real_logits, real=True),
            accuracy_fake=loss.accuracy(fake_logits, real=False),
        )
        self._step(self.optimizer_d, self.discriminator)
        self.updates["D"] += 1
        yield Stage("D", "update")

    def _walk_g(self) -> Iterator[Stage]:
        loss = LOSSES[self.config.loss]
        noise = self.draw_noise("noise_g")
        yield Stage("G", "noise", {"noise": noise})

        with self.arithmetic.forward():
            fake = self.generator(noise)
        yield Stage("G", "fake", {"fake": fake})

        # The gradient passes through D without reaching D's weights.
        with self.arithmetic.forward(), frozen(self.discriminator):
            fake_logits = self.discriminator(fake).float()
        yield Stage("G", "scores", {"fake_logits": fake_logits})

        total = loss.generator(fake_logits, self.ones, self.zeros)
        yield Stage("G", "loss", {"loss": total})

        self.optimizer_g.zero_grad()
        yield Stage("G", "zero_grad")

        self._backward(total)
        yield Stage("G", "gradients")

        score = loss.score(fake_logits).mean()
        self._measure("G", loss_g=total, d_fake=score, grad_norm_g=_gradient_norm(self.generator))
        self._step(self.optimizer_g, self.generator)
        self.last_noise = noise
        self.updates["G"] += 1
        yield Stage("G", "update")

    def _logits(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return D's logits of both, ``[batch, 1]``: in one pass unless BatchNorm would mix their statistics."""
        if self.config.discriminator_batch_norm:
            return self.discriminator(real).float(), self.discriminator(fake).float()
        real_logits, fake_logits = self.discriminator(torch.cat((real, fake))).float().chunk(2)
        return real_logits, fake_logits

    def _step(self, optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
        optimizer.step()
        # A fused optimiser does not mark its parameters as changed: an older graph would use the new weights unnoticed.
        increment_version(list(network.parameters()))

    def _backward(self, loss: Tensor) -> None:
        with self.arithmetic.products():
            loss.backward()  # type: ignore[no-untyped-call]

    def _measure(self, network: Network, **values: Tensor) -> None:
        self.measured[network] = {name: value.detach() for name, value in values.items()}


def _gradient_norm(network: nn.Module) -> Tensor:
    return torch.nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
