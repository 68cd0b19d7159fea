"""A walk through the trainer's next iteration: each stage is executed, and its true tensors are described."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gan_core.config import Network
from gan_core.diagnostics.measures import network_view, units_off, weights_of
from gan_core.diagnostics.train_eval import twins
from gan_core.diagnostics.views import StageView, TrainEvalComparison
from gan_core.metrics import Metrics
from gan_core.training.gan import Stage
from gan_core.training.trainer import Trainer

SHOWN = 8  # samples of the batch whose pictures are kept


class Walkthrough:
    """One iteration, stage by stage, on the run itself.

    It goes through ``Trainer.walk_turn``, the one path through training, and only looks at what lies there: the
    weights at the end are those of ``Trainer.step``, bit for bit.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.config = trainer.config
        self.turns = trainer.turns()
        self.turn = -1
        self.view: StageView | None = None
        self.metrics: Metrics | None = None  # of the iteration, once it is finished
        self._stages = self._walk()

    @property
    def finished(self) -> bool:
        """All stages are done and the iteration is counted."""
        return self.metrics is not None

    def advance(self) -> StageView:
        """Execute the next stage and describe it; after the last one the iteration is counted.

        RuntimeError if the iteration is finished already.
        """
        stage = next(self._stages, None)
        if stage is None:
            raise RuntimeError("This iteration is finished; a new walk begins the next one.")
        self.view = self._describe(stage)
        if self._at_the_end_of_turn() and self.turn == len(self.turns) - 1:
            self.metrics = self.trainer.finish_iteration()
        return self.view

    def finish_turn(self) -> StageView:
        """Execute the stages that are left of the turn that has begun, or the next one's if none has."""
        view = self.advance()
        while not self._at_the_end_of_turn():
            view = self.advance()
        return view

    def finish(self) -> Metrics:
        """Execute all stages that are left, without looking, and count the iteration."""
        for _ in self._stages:
            pass
        if self.metrics is None:
            self.metrics = self.trainer.finish_iteration()
        return self.metrics

    def _at_the_end_of_turn(self) -> bool:
        return self.view is not None and (self.view.stage, self.view.network) == ("update", self.turns[self.turn][-1])

    def _walk(self) -> Iterator[Stage]:
        for turn in self.turns:
            self.turn += 1
            now = self.trainer.config  # its loss counts from the next turn on, its ratio and order from the next walk
            self.config = self.config.replace(loss=now.loss, gradient_penalty=now.gradient_penalty)
            self._before = {
                "G": weights_of(self.trainer.generator),
                "D": weights_of(self.trainer.discriminator),
            }
            self._made: dict[Network, dict[str, Tensor]] = {"D": {}, "G": {}}
            self._off: dict[Network, dict[str, float]] = {"D": {}, "G": {}}
            self._train_eval: TrainEvalComparison | None = None
            yield from self.trainer.walk_turn(turn)

    def _describe(self, stage: Stage) -> StageView:
        made = self._made[stage.network]
        made.update(stage.tensors)
        self._look_closer(stage, made)
        trainer = self.trainer
        return StageView(
            iteration=trainer.iteration + 1,
            config=self.config,
            turn=self.turn,
            turns=self.turns,
            network=stage.network,
            stage=stage.name,
            generator=network_view(trainer.generator, self._before["G"], self._off["G"]),
            discriminator=network_view(trainer.discriminator, self._before["D"], self._off["D"]),
            noise=_numbers(made["noise"][:SHOWN]),
            real=self._pictures(made.get("real")),
            fake=self._pictures(made.get("fake")),
            real_logits=_flat(made.get("real_logits")),
            fake_logits=_flat(made.get("fake_logits")),
            losses={
                name: float(made[name].detach())
                for name in ("loss", "real_part", "fake_part", "penalty")
                if name in made
            },
            sample_gradient=self._sample_gradient(stage.network, made.get("fake")),
            train_eval=self._train_eval,
        )

    def _look_closer(self, stage: Stage, made: dict[str, Tensor]) -> None:
        """What has to be measured at its moment, because later stages change it."""
        trainer = self.trainer
        if stage.name == "noise" and stage.network == "G":
            self._train_eval = None
        if stage.name == "fake":
            self._off["G"] = units_off(trainer.generator, made["noise"])
            self._train_eval = twins(trainer, made["noise"], SHOWN)
            if made["fake"].requires_grad:
                made["fake"].retain_grad()  # keeps ∂loss_g/∂pixel, which backward computes anyway
        if stage.name == "scores":
            self._off["D"] = units_off(trainer.discriminator, made["fake"].detach())

    def _pictures(self, samples: Tensor | None) -> NDArray[np.float32] | None:
        return None if samples is None else _numbers(samples[:SHOWN]).reshape(-1, *self.trainer.dataset.shape)

    def _sample_gradient(self, network: Network, fake: Tensor | None) -> NDArray[np.float32] | None:
        if network == "D" or fake is None or fake.grad is None:
            return None
        return self._pictures(-fake.grad)


def _numbers(tensor: Tensor) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = tensor.detach().float().cpu().numpy().copy()
    return numbers


def _flat(logits: Tensor | None) -> NDArray[np.float32] | None:
    return None if logits is None else _numbers(logits).ravel()
