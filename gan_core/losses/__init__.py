"""All losses by name. To add a loss, write its file and add a line to ``LOSSES``."""

from gan_core.losses.base import Loss
from gan_core.losses.bce import CrossEntropy
from gan_core.losses.bce_saturating import SaturatingCrossEntropy
from gan_core.losses.hinge import Hinge
from gan_core.losses.least_squares import LeastSquares
from gan_core.losses.wasserstein_gp import WassersteinPenalty

LOSSES: dict[str, Loss] = {
    "bce": CrossEntropy(),
    "bce_saturating": SaturatingCrossEntropy(),
    "least_squares": LeastSquares(),
    "hinge": Hinge(),
    "wasserstein_gp": WassersteinPenalty(),
}
