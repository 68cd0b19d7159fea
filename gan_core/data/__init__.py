"""A config → Dataset. Loads no PyTorch before a dataset is loaded: the page offers the names from here."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.config import GANConfig
from gan_core.data.drawing import STARTER
from gan_core.data.errors import DataError
from gan_core.data.registry import DATASETS, OWN, Kind, Source, source

if TYPE_CHECKING:
    from gan_core.data.dataset import Dataset

__all__ = [
    "DATASETS",
    "OWN",
    "RECOMMENDED_SETTINGS",
    "Source",
    "load_dataset",
    "smaller_batch",
    "source",
    "with_recommended_settings",
]

_POINTS: dict[str, Any] = {
    "latent_dim": 2,
    "generator_hidden": (32, 32),
    "discriminator_hidden": (32, 32),
    "generator_batch_norm": False,
    "batch_size": 128,
    "g_steps": 1,
    "learning_rate_g": 1e-3,
    "learning_rate_d": 4e-3,
    "adam_beta1": 0.5,
    "adam_beta2": 0.9,
}

# The settings that differ between pictures, which take the lecture's, and points, which take two small networks.
RECOMMENDED_SETTINGS: dict[Kind, dict[str, Any]] = {
    "pictures": {name: GANConfig.setting(name).default for name in _POINTS},
    "points": _POINTS,
}


def with_recommended_settings(config: GANConfig, dataset: str) -> GANConfig:
    """Return ``config`` with this dataset and, when it changes between pictures and points, the settings for those.

    A choice of classes is cleared, as it belongs to the old dataset. 'drawn' without a drawing gets ``STARTER``.
    DataError if the dataset is not known.
    """
    kind = source(dataset).kind
    changes = {} if config.dataset in DATASETS and source(config.dataset).kind == kind else RECOMMENDED_SETTINGS[kind]
    drawing = config.drawing or (STARTER if dataset == "drawn" else "")
    return config.replace(**changes, dataset=dataset, classes=(), drawing=drawing)


def smaller_batch(batch: int, count: int) -> int | None:
    """Return the largest power of two that is not above ``count`` samples; None if ``batch`` is not above it."""
    return 1 << (count.bit_length() - 1) if batch > count else None


def load_dataset(config: GANConfig, own: Path | None = None) -> "Dataset":
    """Return the dataset that ``config`` names, all of it in memory, restricted to the chosen classes.

    ``own`` is the file of the learner's own data. DataError if the dataset is not known or not available.
    """
    found = source(config.dataset)
    if config.classes and config.classes[-1] >= len(found.classes):
        right = (
            f"from 0 to {len(found.classes) - 1} for {found.title}"
            if found.classes
            else f"left out: {found.title} has none"
        )
        raise DataError(GANConfig.setting("classes").refusal(config.classes, f"they should be {right}"))
    module, _, function = found.loader.partition(":")
    dataset: Dataset = replace(getattr(import_module(module), function)(config, own), title=found.title)
    return dataset.only(config.classes) if config.classes else dataset
