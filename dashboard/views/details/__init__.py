"""The tabs beside the code on the Step through page: one file each. To add one, write its file and name it in ``DETAILS``."""

from collections.abc import Callable

from dashboard.views.details import dead_units, laboratory, sample_gradient, saturating, this_stage, train_eval
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot

LABORATORY = "Detach laboratory"

DETAILS: dict[str, Callable[[Report, Snapshot], None]] = {
    "This stage": this_stage.draw,
    "What D tells G": sample_gradient.draw,
    "Saturating or not": saturating.draw,
    "Train and eval": train_eval.draw,
    "Dead units": dead_units.draw,
    LABORATORY: laboratory.draw,
}
