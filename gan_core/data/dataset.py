"""What a data set is to the trainer: one tensor in memory."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dataset:
    """All samples of a set.

    ``samples``: ``[count, features]``, float32 in [-1, 1], or uint8 for pictures that came as such: a quarter of
    the memory, and turned into [-1, 1] batch by batch. ``shape``: of one sample before flattening, such as (28, 28)
    for a picture. ``labels``: int64 ``[count]`` or None; the GAN never sees them.
    """

    name: str
    title: str
    samples: Tensor
    shape: tuple[int, ...]
    labels: Tensor | None = None

    @property
    def count(self) -> int:
        return self.samples.shape[0]

    @property
    def features(self) -> int:
        return self.samples.shape[1]

    def batch(self, indices: Tensor) -> Tensor:
        """The samples of these indices, float32 ``[len(indices), features]`` in [-1, 1]."""
        chosen = self.samples[indices.to(self.samples.device)]
        return chosen if chosen.dtype == torch.float32 else chosen.float().div_(127.5).sub_(1)

    def to(self, device: torch.device) -> "Dataset":
        """The same set with its samples on ``device``."""
        return replace(self, samples=self.samples.to(device))
