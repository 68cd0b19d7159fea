"""The script and the notebook of a run in a folder, as ``python -m gan_core train`` has written it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.changes import CHANGES_FILE, read_changes
from gan_core.config import GANConfig
from gan_core.config_file import CONFIG_FILE, read_config_file
from gan_core.data.code import DATA_FILE, feature_count, needs_data_file
from gan_core.data.registry import OWN
from gan_core.export.notebook import NOTEBOOK_FILE, training_notebook
from gan_core.export.script import SCRIPT_FILE, training_script
from gan_core.export.weights import GENERATOR_FILE, read_metadata, write_whole
from gan_core.files import save_array
from gan_core.snapshot import Change

FOLDER = "script"  # in the run's folder: a script writes a metrics.csv of its own
MAKERS = {"script": (SCRIPT_FILE, training_script), "notebook": (NOTEBOOK_FILE, training_notebook)}


def read_run(folder: Path) -> tuple[GANConfig, tuple[Change, ...]]:
    """Return the settings at the start of a run and what was changed. ValueError in sentences, OSError."""
    config = read_config_file((folder / CONFIG_FILE).read_bytes())
    changes = folder / CHANGES_FILE
    return config, read_changes(changes.read_bytes(), config) if changes.exists() else ()


def saved_iterations(folder: Path) -> int:
    """Return after how many iterations the run in ``folder`` was saved. ValueError, OSError."""
    path = folder / GENERATOR_FILE
    try:
        return int(read_metadata(path.read_bytes())["iteration"])
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} does not say how long the run was: add --iterations N.") from error


def samples_needed(config: GANConfig, own: NDArray[np.generic] | None) -> NDArray[np.generic] | None:
    """Return what the script reads from its data file, None if it reads none; ``own`` is the learner's own data."""
    if not needs_data_file(config):
        return None
    if config.dataset in OWN:
        return own
    import torch  # most runs are exported without it

    from gan_core.data import load_dataset

    dataset = load_dataset(config)
    samples: NDArray[np.generic] = dataset.batch(torch.arange(dataset.count)).numpy()
    return samples


def export_into(
    folder: Path, kinds: Sequence[str], config: GANConfig, iterations: int, changes: Sequence[Change],
    samples: NDArray[np.generic] | None = None,
) -> list[Path]:  # fmt: skip
    """Write the files of these ``kinds``, "script" and "notebook", and return their paths. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    features = feature_count(config)
    if samples is not None:
        save_array(folder / DATA_FILE, samples)
        written.append(folder / DATA_FILE)
        features = samples[0].size
    for kind in kinds:
        name, make = MAKERS[kind]
        write_whole(folder / name, make(config, iterations, changes, features).encode())
        written.append(folder / name)
    return written
