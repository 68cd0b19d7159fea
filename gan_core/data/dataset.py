"""What a data set is to the trainer: one tensor in memory."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dataset:
    """All samples of a set.

    ``samples``: float32 ``[count, features]`` in [-1, 1]. ``shape``: of one sample before flattening, such as
    (28, 28) for a picture. ``labels``: int64 ``[count]`` or None; the GAN never sees them.
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

    def to(self, device: torch.device) -> "Dataset":
        """The same set with its samples on ``device``."""
        return Dataset(self.name, self.title, self.samples.to(device), self.shape, self.labels)
