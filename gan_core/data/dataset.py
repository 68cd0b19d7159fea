"""A dataset as the trainer sees it: one tensor in memory."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Modes:
    """The modes of a mixture of gaussians: ``centres`` float32 ``[k, features]``, and one standard ``deviation``, the same
    for each of them in every direction."""

    centres: Tensor
    deviation: float


@dataclass(frozen=True)
class Dataset:
    """All samples of a dataset.

    ``title``: set by ``load_dataset``; a loader leaves it empty. ``samples``: ``[n, features]``, float32 in [-1, 1], or
    uint8 pictures, which take a quarter of the memory and are scaled to [-1, 1] batch by batch. ``shape``: of one sample
    before flattening: (28, 28) for a picture, (2,) for a point. ``labels``: int64 ``[n]`` or None; the GAN never sees
    them. ``chosen``: int64 indices of the samples that are used, None for all. ``modes``: None if they are not known.
    """

    name: str
    title: str
    samples: Tensor
    shape: tuple[int, ...]
    labels: Tensor | None = None
    chosen: Tensor | None = None
    modes: Modes | None = None

    def __deepcopy__(self, memo: object) -> "Dataset":
        return self  # nothing writes to the samples, so copies of a run share them

    @property
    def count(self) -> int:
        """Number of samples that are used."""
        return self.samples.shape[0] if self.chosen is None else self.chosen.shape[0]

    @property
    def features(self) -> int:
        return self.samples.shape[1]

    def batch(self, indices: Tensor, out: Tensor | None = None) -> Tensor:
        """Return the used samples at ``indices``, float32 ``[len(indices), features]`` in [-1, 1].

        ``out``: a tensor of this shape to write them to.
        """
        if self.chosen is not None:
            indices = self.chosen[indices.to(self.chosen.device)]
        indices = indices.to(self.samples.device)
        if self.samples.dtype == torch.float32:
            return torch.index_select(self.samples, 0, indices, out=out)
        chosen = self.samples[indices]
        return (chosen.float() if out is None else out.copy_(chosen)).div_(127.5).sub_(1)

    def only(self, classes: tuple[int, ...]) -> "Dataset":
        """Return a dataset that uses only the samples of these classes; both share the tensor of all samples."""
        assert self.labels is not None, "a dataset without labels has no classes"
        chosen = torch.isin(self.labels, torch.tensor(classes, dtype=torch.int64)).nonzero().flatten()
        return replace(self, chosen=chosen)

    def to(self, device: torch.device) -> "Dataset":
        """Return the dataset with its samples on ``device``; samples in another float dtype, such as numpy's, as float32."""
        chosen = None if self.chosen is None else self.chosen.to(device)
        samples = self.samples.float() if self.samples.is_floating_point() else self.samples
        return replace(self, samples=samples.to(device), chosen=chosen)
