"""Slow motion: the cells of the model that the present stage of an update uses light up."""

from dashboard.charts.flow import lit
from dashboard.panels.base import Panel, Payload, ViewOptions
from gan_core.snapshot import Snapshot

CELLS = {
    "noise": "noise", "G": "generator", "fake": "data", "real": "data", "D": "discriminator", "scores": "discriminator",
    "loss": "updates",
}  # fmt: skip


def stage(snapshot: Snapshot, options: ViewOptions) -> Payload:
    """Return the names of the lit cells, and whether data or gradients flow through them; no cells outside slow motion."""
    view = snapshot.walk if snapshot.speed.slow_motion else None
    cells = [*dict.fromkeys(CELLS[name] for name in lit(view))]
    return {"cells": cells, "backward": view is not None and view.stage == "gradients"}


PANEL = Panel("lit_cells", "", "cells", "strip", stage, height=0)
