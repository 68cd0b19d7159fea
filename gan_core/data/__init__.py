"""A config → Dataset. To add a set, write a loader and name it in ``DATASETS``.

Free of PyTorch until a set is loaded: the page offers the names from here.
"""

import difflib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gan_core.config import GANConfig
from gan_core.data.drawing import STARTER
from gan_core.data.errors import DataError

if TYPE_CHECKING:
    from gan_core.data.dataset import Dataset

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

Kind = Literal["pictures", "points"]
PLANE = "gan_core.data.points:load"


class Source(NamedTuple):
    """What a person calls a set, and ``module:function`` that loads it.

    The function takes the config and the file of the learner's own data, if there is one. ``classes``: their names,
    by number. ``download``: bytes to download once, about; 0 if nothing is.
    """

    title: str
    loader: str
    kind: Kind = "pictures"
    classes: tuple[str, ...] = ()
    download: int = 0


DATASETS: dict[str, Source] = {
    "digits": Source("Digits (8×8 scans, bundled)", "gan_core.data.digits:load_digits", classes=DIGITS),
    "mnist": Source("MNIST", "gan_core.data.vision:load", classes=DIGITS, download=9_941_303),
    "fashion_mnist": Source("Fashion-MNIST", "gan_core.data.vision:load", classes=CLOTHES, download=26_451_395),
    "kmnist": Source("KMNIST", "gan_core.data.vision:load", classes=KANA, download=18_194_632),
    "own_pictures": Source("My own pictures", "gan_core.data.own.loaders:load_own_pictures"),
    "line": Source("Line", PLANE, "points"),
    "two_gaussians": Source("Two gaussians", PLANE, "points"),
    "eight_gaussians": Source("Eight gaussians on a ring", PLANE, "points"),
    "grid_25": Source("25 gaussians on a grid", PLANE, "points"),
    "ring": Source("Ring", PLANE, "points"),
    "disjoint": Source("Three clouds far apart", PLANE, "points"),
    "two_moons": Source("Two moons", PLANE, "points"),
    "swiss_roll": Source("Swiss roll", PLANE, "points"),
    "spiral": Source("Two spiral arms", PLANE, "points"),
    "checkerboard": Source("Checkerboard", PLANE, "points"),
    "drawn": Source("Drawn by hand", PLANE, "points"),
    "own_points": Source("My own points (CSV)", "gan_core.data.own.loaders:load_own_points", kind="points"),
}

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

# The settings in which pictures and points differ: pictures take the lecture's, points a pair of small networks.
RECOMMENDED_SETTINGS: dict[Kind, dict[str, Any]] = {
    "pictures": {name: GANConfig.setting(name).default for name in _POINTS},
    "points": _POINTS,
}
OWN = ("own_pictures", "own_points")  # the learner's, whose data come beside the config


def source(name: str) -> Source:
    """The source of the set called ``name``; DataError names the known ones if there is none."""
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(f"dataset = {name!r} is not known; it should be one of {', '.join(map(repr, DATASETS))}.{hint}")


def with_recommended_settings(config: GANConfig, dataset: str) -> GANConfig:
    """``config`` with this data set and, where it turns from pictures to points or back, with what suits those.

    The classes chosen of another set mean nothing in this one: all of them again. 'drawn' without a drawing starts
    with one. DataError if the set is not known.
    """
    kind = source(dataset).kind
    changes = {} if config.dataset in DATASETS and source(config.dataset).kind == kind else RECOMMENDED_SETTINGS[kind]
    drawing = config.drawing or (STARTER if dataset == "drawn" else "")
    return config.replace(**changes, dataset=dataset, classes=(), drawing=drawing)


def load_dataset(config: GANConfig, own: Path | None = None) -> "Dataset":
    """The set that ``config`` names, whole in memory, only the chosen classes of it.

    ``own`` is the file of the learner's own data. DataError if the set is not known or cannot be had.
    """
    found = source(config.dataset)
    _check_classes(config, found)
    module, _, function = found.loader.partition(":")
    dataset: Dataset = getattr(import_module(module), function)(config, own)
    return dataset.only(config.classes) if config.classes else dataset


def _check_classes(config: GANConfig, found: Source) -> None:
    if not config.classes or config.classes[-1] < len(found.classes):
        return
    right = f"from 0 to {len(found.classes) - 1}" if found.classes else "empty: this set has no classes"
    raise DataError(f"classes = {config.classes} is not possible for {found.title}; it should be {right}.")
