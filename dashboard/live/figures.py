"""What this server does, where Streamlit's own figures are: at ``/_stcore/metrics``."""

from collections.abc import Callable, Mapping, Sequence

from streamlit import runtime
from streamlit.runtime.stats import GaugeStat, Stat

GAUGES = {  # name: unit and help
    "gan_runs": ("", "Runs on this server, trained or not."),
    "gan_runs_training": ("", "Runs that train at this moment."),
    "gan_runs_waiting": ("", "Runs that wait for their turn to train."),
    "gan_memory_bytes": ("bytes", "Memory set aside for runs."),
    "gan_memory_limit_bytes": ("bytes", "Memory that all runs may take."),
}


class Figures:
    """``GAUGES`` for Streamlit. ``read`` returns their values in this order; it is called at each request and must not wait."""

    def __init__(self, read: Callable[[], Sequence[int]]) -> None:
        self._read = read

    @property
    def stats_families(self) -> Sequence[str]:
        return tuple(GAUGES)

    def get_stats(self, family_names: Sequence[str] | None = None) -> Mapping[str, Sequence[Stat]]:
        found = zip(GAUGES.items(), self._read(), strict=True)
        return {
            name: [GaugeStat(name, value, unit=unit, help=help)]
            for (name, (unit, help)), value in found
            if family_names is None or name in family_names
        }


def publish(read: Callable[[], Sequence[int]]) -> None:
    """Add the gauges to Streamlit's figures, if there is a server."""
    if runtime.exists():
        runtime.get_instance().stats_mgr.register_provider(Figures(read))
