"""The training loop of a GAN: walk → update → step."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

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
from gan_core.metrics import COLUMNS, Metrics
from gan_core.networks import batch_statistics_only, build_discriminator, build_generator, frozen
from gan_core.noise import draw_noise, fill_with_noise
from gan_core.seeds import stream
from gan_core.training.arithmetic import choose
from gan_core.training.engines.cuda_graph import CudaRecorder, IterationGraph
from gan_core.training.engines.manual import ManualEngine, not_covered, path_words
from gan_core.training.optimizers import build_optimizer, reconfigure_optimizer

STAGES = ("noise", "fake", "scores", "loss", "zero_grad", "gradients", "update")


@dataclass(frozen=True)
class Stage:
    """A moment inside an update: what was just done, and the tensors that it made."""

    network: Network
    name: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What updates leave besides weights and memories: tensors that may be overwritten, put elsewhere or dropped."""

    measured: Mapping[Network, Mapping[str, Tensor]]
    last_noise: Tensor | None  # of the generator's last update
    gradients: tuple[tuple[nn.Parameter, Tensor | None], ...]


class Trainer:
    """Networks, optimisers, data and randomness of one run.

    ``walk("D")`` is the one path through an update: a generator that yields after each of ``STAGES``.
    ``update("D")`` exhausts it; ``step()`` is one iteration in the configured order and ratio. Behind ``update``
    and ``step`` stands a faster path for most settings (``fast.not_covered`` names the others), and on a GPU an
    iteration is one launch (``cuda_graph``); both end in the same state, bit for bit.

    Raises DeviceUnavailable where the device is not there, DataError where the data set is unknown or smaller
    than a batch.
    """

    def __init__(self, config: GANConfig, dataset: Dataset | None = None) -> None:
        self.config = config
        self.device = resolve_device(config.device)
        self.dataset = (dataset or load_dataset(config)).to(self.device)
        if config.batch_size > self.dataset.count:
            raise DataError(
                f"batch_size = {config.batch_size} is not possible; {self.dataset.title} has {self.dataset.count} "
                f"samples, so it should be from 2 to {self.dataset.count}."
            )
        self.arithmetic = choose(config, self.dataset.features, self.device)
        self.generator = build_generator(config, self.dataset.features).to(self.device)
        self.discriminator = build_discriminator(config, self.dataset.features).to(self.device)
        self.optimizer_g = build_optimizer(config, "G", self.generator)
        self.optimizer_d = build_optimizer(config, "D", self.discriminator)
        # Made once, before the loop, as in the lecture.
        self.ones = torch.ones(config.batch_size, 1, device=self.device)
        self.zeros = torch.zeros(config.batch_size, 1, device=self.device)
        self.sampler = BatchSampler(self.dataset.count, config.batch_size, stream(config.seed, "data_order"))
        self._random = {
            name: stream(config.seed, name, self.device) for name in ("noise_d", "noise_g", "gradient_penalty")
        }
        self.iteration = 0
        self.updates = {"D": 0, "G": 0}
        self._measured: dict[Network, Mapping[str, Tensor]] = {}
        self._last_noise: Tensor | None = None  # of the generator's last update
        self._batches: Iterator[Tensor] | None = None  # indices, where they are not the sampler's
        self._hand = self._by_hand()
        self._graph = self._on_graph()

    # One iteration -----------------------------------------------------------------------------------------

    def step(self) -> Metrics:
        """One iteration: ``d_steps`` updates of D and ``g_steps`` of G in the configured order.

        "simultaneous" goes in rounds: both networks' gradients are taken at the same weights, then both
        optimisers step; a network whose steps are used up sits out the rounds that are left.
        """
        row = torch.empty(len(COLUMNS), device=self.device)
        self.step_into(row)
        return Metrics(*row.unbind())

    def step_into(self, row: Tensor) -> None:
        """``step``; its metrics go into ``row``, float32 ``[len(COLUMNS)]`` on the run's device."""
        if self._hand is not None:
            with self._for_hand():
                turns = self.turns()
                for i, turn in enumerate(turns):
                    self._take_by_hand(self._hand, turn, turns[i + 1 :])
                self._finish_into(row)
        elif self._graph is not None:
            self._graph.step_into(self, row)
        else:
            self.iterate_into(row)

    def iterate_into(self, row: Tensor, batches: Iterator[Tensor] | None = None) -> None:
        """``step_into`` in the general path, which walks.

        ``batches``: for each update of D the indices of its real samples, int64 ``[batch]``, instead of the sampler's.
        """
        self._batches = batches
        try:
            for turn in self.turns():
                for _ in self.walk_turn(turn):
                    pass
        finally:
            self._batches = None
        self._finish_into(row)

    def wait(self) -> None:
        """Until the device has computed all that it was asked for; a GPU goes on by itself."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def turns(self) -> tuple[tuple[Network, ...], ...]:
        """Whose turn it is in one iteration, in order; two in one turn take their gradients at the same weights."""
        d, g = self.config.d_steps, self.config.g_steps
        if self.config.update_order == "simultaneous":
            return (("D", "G"),) * min(d, g) + ((("D",) if d > g else ("G",)),) * abs(d - g)
        d_turns: tuple[tuple[Network, ...], ...] = (("D",),) * d
        g_turns: tuple[tuple[Network, ...], ...] = (("G",),) * g
        return d_turns + g_turns if self.config.update_order == "d_first" else g_turns + d_turns

    def update(self, network: Network) -> None:
        """One update of this network alone."""
        if self._hand is not None:
            with self._for_hand():
                self._take_by_hand(self._hand, (network,))
            return
        for _ in self.walk(network):
            pass

    def finish_iteration(self) -> Metrics:
        """Count the iteration whose turns are all done, and give what they measured."""
        row = torch.empty(len(COLUMNS), device=self.device)
        self._finish_into(row)
        return Metrics(*row.unbind())

    def _finish_into(self, row: Tensor) -> None:
        self.iteration += 1
        after = self._score_after()
        d, g, hand = self._measured["D"], self._measured["G"], self._hand
        if hand is not None and d is hand.measured["D"] and g is hand.measured["G"]:
            hand.write(row)
            return
        measured = {**d, **g, "d_fake_after": after}
        torch.stack([measured[name] for name in COLUMNS], out=row)

    # One update, stage by stage ----------------------------------------------------------------------------

    def walk_turn(self, turn: Sequence[Network]) -> Iterator[Stage]:
        """Stages of one turn: of one update or, of several networks, all gradients first and then all steps."""
        walks = [self.walk(network) for network in turn]
        for walk in walks:
            for stage in walk:
                yield stage
                if stage.name == "gradients":
                    break
        for walk in walks:
            yield from walk

    def walk(self, network: Network) -> Iterator[Stage]:
        """Stages of one update of ``network``; nothing of a stage is done before it is asked for.

        Raises ValueError if ``network`` is neither "D" nor "G".
        """
        if network not in ("D", "G"):
            raise ValueError(f"network = {network!r} is not possible; it should be 'D' or 'G'.")
        return self._walk_d() if network == "D" else self._walk_g()

    def _walk_d(self) -> Iterator[Stage]:
        loss = LOSSES[self.config.loss]
        real, noise = self.draw_real(), self.draw_noise("noise_d")
        yield Stage("D", "noise", {"real": real, "noise": noise})

        with torch.no_grad(), self.arithmetic.forward():  # D learns here: no gradient goes back into G
            fake = self.generator(noise)
        yield Stage("D", "fake", {"fake": fake})

        with self.arithmetic.forward():
            real_logits, fake_logits = self._scores(real, fake)
        yield Stage("D", "scores", {"real_logits": real_logits, "fake_logits": fake_logits})

        real_part, fake_part = loss.discriminator(real_logits, fake_logits, self.ones, self.zeros)
        total = loss.combine(real_part, fake_part)
        made = {"real_part": real_part, "fake_part": fake_part}
        if loss.penalised:
            random = self._random["gradient_penalty"]
            with self.arithmetic.products():
                made["penalty"] = loss.penalty(self.discriminator, real, fake, random)
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
            grad_norm_d=self._gradient_norm("D"),
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

        with (
            self.arithmetic.forward(),
            frozen(self.discriminator),
        ):  # the gradient passes through D and stays off its weights
            fake_logits = self.discriminator(fake).float()
        yield Stage("G", "scores", {"fake_logits": fake_logits})

        total = loss.generator(fake_logits, self.ones, self.zeros)
        yield Stage("G", "loss", {"loss": total})

        self.optimizer_g.zero_grad()
        yield Stage("G", "zero_grad")

        self._backward(total)
        yield Stage("G", "gradients")

        score = loss.score(fake_logits).mean()
        self._measure("G", loss_g=total, d_fake=score, grad_norm_g=self._gradient_norm("G"))
        self._step(self.optimizer_g, self.generator)
        self._last_noise = noise
        self.updates["G"] += 1
        yield Stage("G", "update")

    def _scores(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """D's logits of both, ``[batch, 1]``: in one pass, except where BatchNorm would mix their statistics."""
        if self.config.discriminator_batch_norm:
            return self.discriminator(real).float(), self.discriminator(fake).float()
        real_logits, fake_logits = self.discriminator(torch.cat((real, fake))).float().chunk(2)
        return real_logits, fake_logits

    def _step(self, optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
        optimizer.step()
        # A fused optimiser does not say that it changed them: a graph from before it would go back through wrong weights.
        increment_version(list(network.parameters()))

    def draw_real(self) -> Tensor:
        return self.dataset.batch(self.sampler.next() if self._batches is None else next(self._batches))

    def draw_noise(self, name: str) -> Tensor:
        size = (self.config.batch_size, self.config.latent_dim)
        return draw_noise(size, self.config.noise, self._random[name])

    def _backward(self, loss: Tensor) -> None:
        with self.arithmetic.products():
            loss.backward()  # type: ignore[no-untyped-call]

    # The same by hand --------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """How iterations are computed: "by hand", as a "CUDA graph" or by PyTorch's "autograd"; the same numbers."""
        if self._graph is not None and not self._graph.failure:
            return "CUDA graph"
        return "autograd" if self._hand is None else "by hand"

    @property
    def path_words(self) -> str:
        """``path`` in a sentence that says why."""
        if self._graph is not None:
            return self._graph.words
        return path_words(self.config, self.device)

    def _by_hand(self) -> ManualEngine | None:
        if not_covered(self.config, self.device):
            return None
        return ManualEngine(
            self.config, self.arithmetic, self.generator, self.discriminator, self.optimizer_g, self.optimizer_d
        )

    @contextmanager
    def _for_hand(self) -> Iterator[None]:
        with torch.inference_mode(), self.arithmetic.products():
            yield

    def _take_by_hand(
        self, hand: ManualEngine, turn: tuple[Network, ...], to_come: Sequence[tuple[Network, ...]] = ()
    ) -> None:
        """One turn; of an iteration's updates of a network the last one is measured, as far as that costs something."""
        for network in turn:
            if network == "D":
                self.dataset.batch(self.sampler.next(), out=hand.real)
                fill_with_noise(hand.noise_d, self.config.noise, self._random["noise_d"])
            else:
                fill_with_noise(hand.noise_g, self.config.noise, self._random["noise_g"])
                self._last_noise = hand.noise_g
            hand.gradients(network, measure=all(network not in later for later in to_come))
            self._measured[network] = hand.measured[network]
        for network in turn:
            hand.step(network)
            self.updates[network] += 1

    # The same as one launch --------------------------------------------------------------------------------

    def _on_graph(self) -> IterationGraph | None:
        if self.device.type != "cuda":
            return None
        return IterationGraph(CudaRecorder(self.device, self._random))

    def outcome(self) -> Outcome:
        """What the last updates have left, as it lies there: no copy."""
        parameters = (*self.generator.parameters(), *self.discriminator.parameters())
        gradients = tuple((parameter, parameter.grad) for parameter in parameters)
        return Outcome(dict(self._measured), self._last_noise, gradients)

    def show(self, outcome: Outcome) -> None:
        """Let these very tensors be what the last updates have left."""
        self._measured = dict(outcome.measured)
        self._last_noise = outcome.last_noise
        for parameter, gradient in outcome.gradients:
            parameter.grad = gradient

    # What an update measured -------------------------------------------------------------------------------

    def _measure(self, network: Network, **values: Tensor) -> None:
        self._measured[network] = {name: value.detach() for name, value in values.items()}

    def _settle(self) -> None:
        """What an update by hand has measured is computed when somebody asks."""
        if self._hand is not None:
            with torch.inference_mode():
                self._hand.settle()

    def last_losses(self, network: Network) -> dict[str, float]:
        """What this network's last update measured, by name; reading it waits for the device."""
        self._settle()
        names = {"D": ("loss_d", "loss_d_real", "loss_d_fake", "d_real"), "G": ("loss_g", "d_fake")}[network]
        return {name: float(self._measured[network][name]) for name in names}

    def _gradient_norm(self, network: Network) -> Tensor:
        if self._hand is not None:
            return self._hand.norm(network)
        module = self.discriminator if network == "D" else self.generator
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        return torch.nn.utils.get_total_norm(gradients)

    @torch.no_grad()
    def _score_after(self) -> Tensor:
        """Mean D(G(z)) on the noise of G's last update, now that G, and in "g_first" D too, has stepped."""
        assert self._last_noise is not None, "every iteration has at least one update of G"
        if self._hand is not None:
            with self._for_hand():
                return self._hand.score(self._last_noise)
        with (
            self.arithmetic.forward(),
            batch_statistics_only(self.generator),
            batch_statistics_only(self.discriminator),
        ):
            logits = self.discriminator(self.generator(self._last_noise)).float()
        return LOSSES[self.config.loss].score(logits).mean()

    # Changing and keeping a run ----------------------------------------------------------------------------

    def reconfigure(self, config: GANConfig) -> None:
        """Take over the changes in ``config`` from the next update on.

        Raises ValueError, and changes nothing, if a field differs that cannot change while training, or if the new
        drawing is none.
        """
        fixed = [name for name in self.config.differences(config) if not GANConfig.setting(name).live]
        if fixed:
            raise ValueError(f"{', '.join(fixed)} cannot change while training: start again to apply it.")
        if config.dataset == "drawn" and config.drawing != self.config.drawing:
            self.dataset = load_dataset(config).to(self.device)  # as many points as before: the order of them goes on
        self._settle()
        changed = self.config.differences(config)
        self.config = config
        for module in (*self.generator.modules(), *self.discriminator.modules()):
            if isinstance(module, nn.LeakyReLU):
                module.negative_slope = config.leaky_slope
            elif isinstance(module, nn.BatchNorm1d):
                module.momentum = config.batch_norm_momentum
        reconfigure_optimizer(self.optimizer_g, config, "G")
        reconfigure_optimizer(self.optimizer_d, config, "D")
        self._hand = self._by_hand()
        if self._graph is not None:
            self._graph.reconfigured(self, changed)

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to continue bit for bit: tensors, numbers and strings only.

        A copy: training on changes nothing in it.
        """
        state = {
            "config": self.config.to_json(),
            "iteration": self.iteration,
            "updates": dict(self.updates),
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimizer_g": self.optimizer_g.state_dict(),
            "optimizer_d": self.optimizer_d.state_dict(),
            "sampler": self.sampler.state_dict(),
            "random": {name: random.get_state() for name, random in self._random.items()},
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``; ValueError, and nothing changed, if it was made under other fixed settings."""
        self.reconfigure(GANConfig.from_json(state["config"]))
        if self._graph is not None:
            self._graph.forget()  # it works in the optimisers' memory, which will be another one
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        # Copies, because an optimiser goes on working in the very tensors that it is given.
        self.optimizer_g.load_state_dict(copy.deepcopy(state["optimizer_g"]))
        self.optimizer_d.load_state_dict(copy.deepcopy(state["optimizer_d"]))
        self.sampler.load_state_dict(state["sampler"])
        for name, random in self._random.items():
            random.set_state(state["random"][name])
        self.iteration = state["iteration"]
        self.updates = dict(state["updates"])
