"""The moments of the run that are kept, to go back to."""

from dashboard.panels.base import Panel, Payload, ViewOptions
from gan_core.snapshot import Snapshot


def _moments(snapshot: Snapshot, options: ViewOptions) -> Payload:
    """Return the iterations of the moments, those whose whole state is kept, and where the run is now."""
    return {"moments": list(snapshot.moments), "states": list(snapshot.states), "iteration": snapshot.iteration}


PANEL = Panel("time", "", "time", "below", _moments, height=0)
