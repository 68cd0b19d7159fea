"""Choosing the samples of each batch."""

from typing import Any

import torch
from torch import Tensor


class BatchSampler:
    """Shuffled passes over ``count`` samples in batches of ``batch_size``.

    The remainder of a pass that does not fill a batch is dropped. The order is drawn on the CPU, so it is the same for
    every device.
    """

    def __init__(self, count: int, batch_size: int, generator: torch.Generator) -> None:
        self.count = count
        self.batch_size = batch_size
        self.generator = generator
        self.epoch = 0  # completed passes
        self.position = 0  # samples of this pass already used
        self.order = torch.randperm(count, generator=generator, device="cpu")

    def next(self) -> Tensor:
        """Return the indices of the next batch, int64 ``[batch_size]`` on the CPU."""
        place = self.advance()  # first, as it may replace self.order
        return self.order[place]

    def advance(self) -> slice:
        """Return the position of the next batch in ``order``, which is replaced when a new pass begins."""
        if self.position + self.batch_size > self.count:
            self.order = torch.randperm(self.count, generator=self.generator, device="cpu")
            self.position = 0
            self.epoch += 1
        self.position += self.batch_size
        return slice(self.position - self.batch_size, self.position)

    def state_dict(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "position": self.position,
            "order": self.order.clone(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]
        self.position = state["position"]
        self.order = state["order"].clone()
        self.generator.set_state(state["generator"])
