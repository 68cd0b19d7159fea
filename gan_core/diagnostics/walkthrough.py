"""Walk through the trainer's next iteration: execute each stage and describe its tensors."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_core.config import Network
from gan_core.diagnostics.measures import drifts, inactive_units, network_view, weights_of
from gan_core.diagnostics.views import StageView, TrainEvalComparison, Values
from gan_core.metrics import Metrics
from gan_core.networks import batch_statistics_only
from gan_core.sampling import generate
from gan_core.training.gan import Stage
from gan_core.training.trainer import Trainer

SHOWN = 8  # samples of the batch that a view holds
LOSS_TENSORS = ("loss", "real_part", "fake_part", "penalty")


class Walkthrough:
    """One iteration, stage by stage, on the run itself.

    It executes ``Trainer.walk_turn``, the reference path, and only reads its tensors: the final weights are those of
    ``Trainer.step``, bit for bit.
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
        """Whether all stages are done and the iteration is counted."""
        return self.metrics is not None

    def advance(self) -> StageView:
        """Execute the next stage and describe it; after the last one, count the iteration.

        RuntimeError if the iteration is already finished.
        """
        stage = next(self._stages, None)
        if stage is None:
            raise RuntimeError("This iteration is finished; a new walk begins the next one.")
        self.view = self._describe(stage)
        if self._turn_is_finished() and self.turn == len(self.turns) - 1:
            self.metrics = self.trainer.finish_iteration()
        return self.view

    def finish_turn(self) -> StageView:
        """Execute the remaining stages of the present turn, or all of the next one if that has not begun."""
        view = self.advance()
        while not self._turn_is_finished():
            view = self.advance()
        return view

    def finish(self) -> Metrics:
        """Execute all remaining stages without describing them, and count the iteration."""
        for _ in self._stages:
            pass
        if self.metrics is None:
            self.metrics = self.trainer.finish_iteration()
        return self.metrics

    def _turn_is_finished(self) -> bool:
        return self.view is not None and (self.view.stage, self.view.network) == ("update", self.turns[self.turn][-1])

    def _walk(self) -> Iterator[Stage]:
        for turn in self.turns:
            self.turn += 1
            now = self.trainer.config  # a new loss applies from this turn on, a new ratio or order from the next walk
            self.config = self.config.replace(loss=now.loss, gradient_penalty=now.gradient_penalty)
            self._before = {"G": weights_of(self.trainer.generator), "D": weights_of(self.trainer.discriminator)}
            self._tensors: dict[Network, dict[str, Tensor]] = {"D": {}, "G": {}}
            self._inactive: dict[Network, dict[str, float]] = {"D": {}, "G": {}}
            self._train_eval: TrainEvalComparison | None = None
            yield from self.trainer.walk_turn(turn)

    def _describe(self, stage: Stage) -> StageView:
        tensors = self._tensors[stage.network]
        tensors.update(stage.tensors)
        self._measure(stage, tensors)
        trainer = self.trainer
        return StageView(
            iteration=trainer.iteration + 1,
            config=self.config,
            turn=self.turn,
            turns=self.turns,
            network=stage.network,
            stage=stage.name,
            generator=network_view(trainer.generator, self._before["G"], self._inactive["G"]),
            discriminator=network_view(trainer.discriminator, self._before["D"], self._inactive["D"]),
            noise=_to_numpy(tensors["noise"][:SHOWN]),
            losses={name: float(tensors[name].detach()) for name in LOSS_TENSORS if name in tensors},
            sample_gradient=self._sample_gradient(stage.network, tensors.get("fake")),
            train_eval=self._train_eval,
            **{name: self._to_samples(tensors[name]) for name in ("real", "fake") if name in tensors},
            **{name: _to_numpy(tensors[name]).ravel() for name in ("real_logits", "fake_logits") if name in tensors},
        )

    def _measure(self, stage: Stage, tensors: dict[str, Tensor]) -> None:
        """Measure what later stages change."""
        trainer = self.trainer
        if stage.name == "noise" and stage.network == "G":
            self._train_eval = None
        if stage.name == "fake":
            self._inactive["G"] = inactive_units(trainer.generator, tensors["noise"])
            self._train_eval = self._compare_train_eval(tensors["noise"])
            if tensors["fake"].requires_grad:
                tensors["fake"].retain_grad()  # keeps ∂loss_g/∂pixel, which the backward pass computes anyway
        if stage.name == "scores":
            self._inactive["D"] = inactive_units(trainer.discriminator, tensors["fake"].detach())

    @torch.no_grad()
    def _compare_train_eval(self, noise: Tensor) -> TrainEvalComparison:
        """Generate from the first of ``noise`` ``[batch, latent_dim]`` in train mode, in eval mode and one by one."""
        network, alone, refusal = self.trainer.generator, None, ""
        with batch_statistics_only(network):
            train = self._to_samples(network(noise))
            try:
                alone = self._to_samples(torch.cat([network(single) for single in noise[:SHOWN].unsqueeze(1)]))
            except ValueError as error:  # BatchNorm cannot normalise a single sample in train mode
                refusal = str(error)
        return TrainEvalComparison(train, generate(self.trainer, noise[:SHOWN]), alone, refusal, drifts(network, noise))

    def _to_samples(self, samples: Tensor) -> Values:
        return _to_numpy(samples[:SHOWN]).reshape(-1, *self.trainer.dataset.shape)

    def _sample_gradient(self, network: Network, fake: Tensor | None) -> Values | None:
        if network == "D" or fake is None or fake.grad is None:
            return None
        return self._to_samples(-fake.grad)


def _to_numpy(tensor: Tensor) -> Values:
    values: Values = tensor.detach().float().cpu().numpy().copy()
    return values
