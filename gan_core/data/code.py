"""The datasets as lines of plain PyTorch, for scripts. Loads no PyTorch.

Each makes ``samples``, float32 ``[n, features]`` in [-1, 1]: the numbers of ``load_dataset``, bit for bit. A dataset
without lines here is read from ``DATA_FILE`` beside the script, which holds those of the chosen classes.
"""

from dataclasses import dataclass

from gan_core.config import GANConfig
from gan_core.data.registry import source
from gan_core.seeds import derive

DATA_FILE = "data.npy"


@dataclass(frozen=True)
class DataCode:
    """The lines that make ``samples``; ``labels`` is the expression of their classes."""

    lines: str
    imports: tuple[str, ...] = ()
    labels: str = ""


def data_code(config: GANConfig) -> DataCode:
    """Return the lines for the config's dataset, restricted to the chosen classes."""
    code = _dataset(config)
    if not config.classes or not code.labels:
        return code
    chosen = f"samples = samples[torch.isin({code.labels}, torch.tensor({list(config.classes)}))]"
    return DataCode(f"{code.lines}\n{chosen}", code.imports, code.labels)


def needs_data_file(config: GANConfig) -> bool:
    """Return whether the lines read ``DATA_FILE``."""
    return DATA_FILE in _dataset(config).lines


def feature_count(config: GANConfig) -> int:
    """Return the number of values in a sample: of points, of your own pictures, else of pictures of 28×28."""
    if source(config.dataset).kind == "points":
        return 2
    return (config.picture_size if config.dataset == "own_pictures" else 28) ** 2


def _dataset(config: GANConfig) -> DataCode:
    name, found = config.dataset, source(config.dataset)
    if found.torchvision:
        return DataCode(
            f'pictures = {found.torchvision}("data", download=True)  # downloaded into the folder data\n'
            "samples = pictures.data.flatten(1).float() / 127.5 - 1",
            (f"from torchvision.datasets import {found.torchvision}",),
            "pictures.targets",
        )
    if name == "drawn":
        return DataCode(
            f'{_DRAWN}\n\n\nsamples = points_of("{config.drawing}")', ("import base64", "import numpy as np")
        )
    if name in _POINTS:
        lines = f"random = torch.Generator().manual_seed({points_seed(name)})\n{_POINTS[name]}"
        return DataCode(lines, ("import math",) if "math." in lines else ())
    return _OTHERS.get(name, _FROM_FILE)


def points_seed(name: str) -> int:
    """Return the seed of a 2-D dataset's points. The dataset's name fixes it, and with it every point."""
    return derive(0, f"plane/{name}")


_FROM_FILE = DataCode(f'samples = torch.from_numpy(np.load("{DATA_FILE}"))', ("import numpy as np",))
_OTHERS = {
    "own_pictures": DataCode(
        f'samples = torch.from_numpy(np.load("{DATA_FILE}")).flatten(1).float() / 127.5 - 1  # grey levels from 0 to 255',
        _FROM_FILE.imports,
    ),
    "digits": DataCode(
        """\
digits = load_digits()  # 1,797 scans of 8×8 pixels, from 0 to 16
scans = torch.from_numpy(digits.images).float().unsqueeze(1) / 8 - 1
pictures = interpolate(scans, size=(28, 28), mode="bicubic", align_corners=False).clamp(-1, 1)
samples = pictures.flatten(1)""",
        ("from sklearn.datasets import load_digits", "from torch.nn.functional import interpolate"),
        "torch.from_numpy(digits.target)",
    ),
}

_GAUSSIANS = """
samples = centres[torch.arange(10_000) % len(centres)] + {deviation} * torch.randn(10_000, 2, generator=random)"""

_POINTS = {
    "two_gaussians": "centres = torch.tensor([[-0.4, -0.4], [0.4, 0.4]])" + _GAUSSIANS.format(deviation=0.12),
    "eight_gaussians": """\
angle = torch.arange(8) * (2 * math.pi / 8)
centres = 0.75 * torch.stack([angle.cos(), angle.sin()], dim=1)"""
    + _GAUSSIANS.format(deviation=0.04),
    "grid_25": """\
place = torch.linspace(-0.8, 0.8, 5)
centres = torch.cartesian_prod(place, place)"""
    + _GAUSSIANS.format(deviation=0.03),
    "disjoint": "centres = torch.tensor([[-0.6, 0.45], [0.65, 0.55], [0.1, -0.65]])"
    + _GAUSSIANS.format(deviation=0.07),
    "line": """\
along = -0.8 + 1.6 * torch.rand(10_000, generator=random)
samples = torch.stack([along, 0.6 * along], dim=1) + 0.02 * torch.randn(10_000, 2, generator=random)""",
    "ring": """\
angle = 2 * math.pi * torch.rand(10_000, generator=random)
circle = 0.7 * torch.stack([angle.cos(), angle.sin()], dim=1)
samples = circle + 0.02 * torch.randn(10_000, 2, generator=random)""",
    "two_moons": """\
angle = math.pi * torch.rand(10_000, generator=random)
lower = torch.arange(10_000) % 2 == 1
across = torch.where(lower, 1 - angle.cos(), angle.cos())
up = torch.where(lower, 0.5 - angle.sin(), angle.sin())
moons = 0.55 * (torch.stack([across, up], dim=1) - torch.tensor([0.5, 0.25]))
samples = moons + 0.02 * torch.randn(10_000, 2, generator=random)""",
    "swiss_roll": """\
angle = 1.5 * math.pi * (1 + 2 * torch.rand(10_000, generator=random))
roll = torch.stack([angle * angle.cos(), angle * angle.sin()], dim=1)
samples = 0.85 / (4.5 * math.pi) * roll + 0.015 * torch.randn(10_000, 2, generator=random)""",
    "spiral": """\
out = torch.rand(10_000, generator=random).sqrt()  # the area grows with the square of the radius
angle = 2 * math.pi * out + math.pi * (torch.arange(10_000) % 2)
arms = torch.stack([0.85 * out * angle.cos(), 0.85 * out * angle.sin()], dim=1)
samples = arms + 0.015 * torch.randn(10_000, 2, generator=random)""",
    "checkerboard": """\
row = torch.randint(4, (10_000,), generator=random)
pair = torch.randint(2, (10_000,), generator=random)
corner = torch.stack([2 * pair + row % 2, row], dim=1)
samples = (corner + torch.rand(10_000, 2, generator=random)) * 0.45 - 0.9""",
}

_DRAWN = f'''\
def points_of(drawing):
    """10,000 points, evenly from the painted ones of 32×32 cells; a drawing is their bits in base64."""
    random = torch.Generator().manual_seed({points_seed("drawn")})
    bits = np.unpackbits(np.frombuffer(base64.urlsafe_b64decode(drawing + "="), np.uint8))
    painted = torch.from_numpy(bits.reshape(32, 32)).nonzero()
    cells = painted[torch.randint(len(painted), (10_000,), generator=random)]
    row, column = (cells + torch.rand(10_000, 2, generator=random)).unbind(dim=1)
    return (torch.stack([column, 32 - row], dim=1) * (2 / 32) - 1) * 0.95'''
