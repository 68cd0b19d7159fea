"""The datasets by name. To add one, write a loader and add a line to ``DATASETS``."""

import difflib
from typing import Literal, NamedTuple

from gan_core.config import GANConfig
from gan_core.data.errors import DataError

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

Kind = Literal["pictures", "points"]
TORCHVISION = "gan_core.data.vision:load"
POINTS = "gan_core.data.points:load"


class Source(NamedTuple):
    """A dataset's title on the page, and its loader as ``module:function``.

    The loader is called with the config and the path of the learner's own data or None, and returns a ``Dataset``.
    ``classes``: their names, by number. ``download``: approximate bytes to download once; 0 if none. ``torchvision``:
    the name of torchvision's class, for a dataset that is downloaded by it.
    """

    title: str
    loader: str
    kind: Kind = "pictures"
    classes: tuple[str, ...] = ()
    download: int = 0
    torchvision: str = ""


DATASETS: dict[str, Source] = {
    "digits": Source("Digits (8×8 scans)", "gan_core.data.digits:load_digits", classes=DIGITS),
    "mnist": Source("MNIST", TORCHVISION, "pictures", DIGITS, 9_941_303, "MNIST"),
    "fashion_mnist": Source("Fashion-MNIST", TORCHVISION, "pictures", CLOTHES, 26_451_395, "FashionMNIST"),
    "kmnist": Source("KMNIST", TORCHVISION, "pictures", KANA, 18_194_632, "KMNIST"),
    "own_pictures": Source("My own pictures", "gan_core.data.own.loaders:load_own_pictures"),
    "line": Source("Line", POINTS, "points"),
    "two_gaussians": Source("Two Gaussians", POINTS, "points"),
    "eight_gaussians": Source("Eight Gaussians on a ring", POINTS, "points"),
    "grid_25": Source("25 Gaussians on a grid", POINTS, "points"),
    "ring": Source("Ring", POINTS, "points"),
    "disjoint": Source("Three clouds far apart", POINTS, "points"),
    "two_moons": Source("Two moons", POINTS, "points"),
    "swiss_roll": Source("Swiss roll", POINTS, "points"),
    "spiral": Source("Two spiral arms", POINTS, "points"),
    "checkerboard": Source("Checkerboard", POINTS, "points"),
    "drawn": Source("Your drawing", "gan_core.data.points:load_drawing", "points"),
    "own_points": Source("My own points (CSV)", "gan_core.data.own.loaders:load_own_points", "points"),
}
OWN = ("own_pictures", "own_points")  # uploaded by the learner: their samples come in a file beside the config


def source(name: str) -> Source:
    """Return the entry of the dataset called ``name``; DataError, with the known names, if there is none."""
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    right = f"it should be one of {', '.join(map(repr, DATASETS))}"
    raise DataError(GANConfig.setting("dataset").refusal(name, right) + hint)
