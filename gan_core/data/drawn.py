"""The learner's drawing → 2-D points."""

from pathlib import Path

import torch

from gan_core.config import GANConfig
from gan_core.data.dataset import Dataset
from gan_core.data.drawing import EXTENT, SIDE, unpack
from gan_core.data.errors import DataError
from gan_core.data.points import COUNT, points_stream


def load(config: GANConfig, own: Path | None = None) -> Dataset:
    """Sample ``COUNT`` points evenly from the painted cells of ``config.drawing``, ``[COUNT, 2]``.

    DataError if it is not a drawing, or an empty one.
    """
    drawing, random = config.drawing, points_stream(config.dataset)
    try:
        painted = torch.from_numpy(unpack(drawing)).nonzero() if drawing else torch.zeros(0, 2)
    except ValueError as error:
        raise DataError(f"drawing = {drawing!r} is not possible; {error}.") from error
    if not len(painted):
        raise DataError(f"drawing = {drawing!r} is not possible; nothing is painted: draw something first.")
    cells = painted[torch.randint(len(painted), (COUNT,), generator=random)]
    row, column = (cells + torch.rand(COUNT, 2, generator=random)).unbind(dim=1)
    points = (torch.stack([column, SIDE - row], dim=1) * (2 / SIDE) - 1) * EXTENT
    return Dataset(config.dataset, "", points, (2,))
