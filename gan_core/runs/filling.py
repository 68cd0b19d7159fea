"""What is put into the folder of a new run, from which it begins."""

from collections.abc import Callable
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, link
from gan_core.runs.moments import copy_moments, read_state
from gan_core.runs.saved import RUN_FILE

Fill = Callable[[Path], None]


def with_own(own: Path | None) -> Fill:
    """Have it train on this file of the learner's own data, if there is one."""
    return lambda folder: None if own is None else link(own, folder / OWN_FILE)


def from_moment(parent: Path, iteration: int) -> tuple[GANConfig, Fill]:
    """Have it begin at a kept moment of the run in the folder ``parent``; return the settings of then, too.

    OSError or CheckpointError if that moment's state is not kept, or not any more.
    """
    state = read_state(parent, iteration)
    state.record["run"]["fork"] = iteration

    def fill(folder: Path) -> None:
        state.write(folder / RUN_FILE)
        copy_moments(parent, folder, iteration)
        if (parent / OWN_FILE).exists():
            link(parent / OWN_FILE, folder / OWN_FILE)

    return state.config, fill
