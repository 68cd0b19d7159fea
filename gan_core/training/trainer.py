"""The training loop of a GAN: walk → update → step."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from gan_core.config import GANConfig, Network
from gan_core.data import load_dataset
from gan_core.data.dataset import Dataset
from gan_core.metrics import COLUMNS, Metrics
from gan_core.networks import AnyBatchNorm
from gan_core.training.arithmetic import usual_modes
from gan_core.training.engines import Engine, choose_engine
from gan_core.training.gan import GAN
from gan_core.training.optimizers import reconfigure_optimizer


class Trainer(GAN):
    """A GAN that is trained by the fastest engine for its settings.

    ``walk("D")`` is the reference path of an update, stage by stage; ``update("D")`` is one update; ``step()`` is one
    iteration in the configured order and ratio. ``engine`` computes the last two; ``make_engine`` chooses it.
    """

    def __init__(
        self,
        config: GANConfig,
        dataset: Dataset | None = None,
        make_engine: Callable[[GAN], Engine] = choose_engine,
    ) -> None:
        self._make_engine = make_engine
        with usual_modes(), torch.device("cpu"):
            super().__init__(config, dataset)
            self.engine = make_engine(self)

    def step(self) -> Metrics:
        """Train one iteration: ``d_steps`` updates of D and ``g_steps`` of G in the configured order."""
        with usual_modes():
            row = torch.empty(len(COLUMNS), dtype=torch.float32, device=self.device)
            self.step_into(row)
            return Metrics(*row.unbind())

    def step_into(self, row: Tensor) -> None:
        """Train one iteration and write its metrics into ``row``, float32 ``[len(COLUMNS)]`` on the run's device."""
        with usual_modes():
            self._fitting_engine().iterate(self, row)

    def update(self, network: Network) -> None:
        """Update this network alone."""
        with usual_modes():
            self._fitting_engine().update(self, network)

    def _fitting_engine(self) -> Engine:
        """Return the engine, or a new one where a user has replaced what it has captured, for networks in training mode."""
        self.set_training_mode()
        if not self.engine.fits(self):
            self.engine = self._make_engine(self)
        return self.engine

    def last_losses(self, network: Network) -> dict[str, float]:
        """Return the losses and scores of this network's last update by name; this waits for the device."""
        measured = self.measured[network]
        return {name: float(value) for name, value in measured.items() if name.startswith(("loss", "d_"))}

    def synchronize(self) -> None:
        """Wait until the device has finished all queued work; a GPU computes asynchronously."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    # Changing and keeping a run ----------------------------------------------------------------------------

    def reconfigure(self, config: GANConfig) -> None:
        """Apply the changes in ``config`` from the next update on.

        Raises ValueError if a field differs that cannot change while training, or DataError if the new drawing is empty;
        the trainer then stays unchanged.
        """
        changed = self.config.differences(config)
        fixed = [setting.label for setting in map(GANConfig.setting, changed) if not setting.live]
        if fixed:
            raise ValueError(f"{', '.join(fixed)} cannot change while training. Begin a new run to apply it.")
        if config.dataset == "drawn" and "drawing" in changed:
            self.dataset = load_dataset(config).to(self.device)  # the number of points stays, so the sampler continues
        self.config = config
        for module in (*self.generator.modules(), *self.discriminator.modules()):
            if isinstance(module, nn.LeakyReLU):
                module.negative_slope = config.leaky_slope
            elif isinstance(module, AnyBatchNorm):
                module.momentum = config.batch_norm_momentum
        reconfigure_optimizer(self.optimizer_g, config, "G")
        reconfigure_optimizer(self.optimizer_d, config, "D")
        if not self.engine.apply_changes(self, changed):
            self.engine = self._make_engine(self)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that a run needs to continue bit for bit: tensors, numbers and strings only."""
        state = {
            "config": self.config.to_json(),
            "iteration": self.iteration,
            "updates": dict(self.updates),
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimizer_g": self.optimizer_g.state_dict(),
            "optimizer_d": self.optimizer_d.state_dict(),
            "sampler": self.sampler.state_dict(),
            "random": {name: random.get_state() for name, random in self.random.items()},
        }
        return copy.deepcopy(state)

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold: all but the engine, whose calls are bound to this trainer's own memory."""
        parameters = (*self.generator.parameters(), *self.discriminator.parameters())
        held = {name: value for name, value in vars(self).items() if name != "engine"}
        return {"held": held, "gradients": [parameter.grad for parameter in parameters]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state["held"])
        for parameter, gradient in zip(
            (*self.generator.parameters(), *self.discriminator.parameters()), state["gradients"], strict=True
        ):
            parameter.grad = gradient
        self.engine = self._make_engine(self)

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # two trainers of the same networks would spoil each other's optimisers

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``. Raises ValueError, and changes nothing, if its fixed settings differ."""
        self.reconfigure(GANConfig.from_json(state["config"]))
        self.engine.reset()
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        # Copies, because an optimiser changes the tensors that it is given.
        self.optimizer_g.load_state_dict(copy.deepcopy(state["optimizer_g"]))
        self.optimizer_d.load_state_dict(copy.deepcopy(state["optimizer_d"]))
        self.sampler.load_state_dict(state["sampler"])
        for name, random in self.random.items():
            random.set_state(state["random"][name])
        self.iteration = state["iteration"]
        self.updates = dict(state["updates"])
