"""A name → Dataset. To add a set, write a loader and name it in ``DATASETS``.

Free of PyTorch until a set is loaded: the page offers the names from here.
"""

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from gan_core.data.errors import DataError

if TYPE_CHECKING:
    from gan_core.data.dataset import Dataset


class Source(NamedTuple):
    """What a person calls a set, and ``module:function`` that loads it."""

    title: str
    loader: str


DATASETS: dict[str, Source] = {
    "digits": Source("Digits (8×8 scans, bundled)", "gan_core.data.digits:load_digits"),
    "mnist": Source("MNIST (downloaded once)", "gan_core.data.vision:load_mnist"),
    "fashion_mnist": Source("Fashion-MNIST (downloaded once)", "gan_core.data.vision:load_fashion_mnist"),
    "kmnist": Source("KMNIST (downloaded once)", "gan_core.data.vision:load_kmnist"),
}


def load_dataset(name: str) -> "Dataset":
    """The set called ``name``, whole in memory; DataError names the known ones if there is none."""
    if name not in DATASETS:
        near = difflib.get_close_matches(name, DATASETS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(f"dataset = {name!r} is not known; it should be one of {', '.join(map(repr, DATASETS))}.{hint}")
    module, _, function = DATASETS[name].loader.partition(":")
    dataset: Dataset = getattr(import_module(module), function)()
    return dataset
