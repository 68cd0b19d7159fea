"""Images of samples: a few on the data card, all of the shown ones in the card of images."""

from dashboard.charts.images import image
from dashboard.panels.base import Panel, Payload, ViewOptions, for_images, for_points
from gan_core.config import GANConfig
from gan_core.images import samples_png
from gan_core.plurals import counted
from gan_core.snapshot import Snapshot

ROW = 6  # images in the data cell; points are all drawn in one image
REAL_COLUMNS = 3  # of the real images, beside six of the fakes: both have the same scale
REALS_SHOWN = 18


def _fakes(snapshot: Snapshot, options: ViewOptions) -> Payload:
    made = f"{counted(len(snapshot.fake), 'fake')} by the generator"
    alt = f"{made} after {counted(snapshot.samples_iteration, 'iteration')}"
    return image(samples_png(snapshot.fake), alt)


def _reals(snapshot: Snapshot, options: ViewOptions) -> Payload:
    shown = snapshot.real[:REALS_SHOWN]
    alt = f"{counted(len(shown), 'real sample')} of {snapshot.dataset_title}"
    return image(samples_png(shown, columns=REAL_COLUMNS), alt)


def _few_reals(snapshot: Snapshot, options: ViewOptions) -> Payload:
    few = snapshot.real if for_points(snapshot.shape) else snapshot.real[:ROW]
    return image(samples_png(few, columns=len(few)), counted(len(few), "real sample"))


def _fakes_caption(config: GANConfig) -> str:
    kept = "Each position keeps its noise, so you see each picture develop."
    return f"{kept} BatchNorm uses its running statistics here." if config.generator_batch_norm else kept


_FAKE_TITLE = ":primary[Fake, G(z)]"

FAKE_POINTS = Panel("picture_fake_strip", _FAKE_TITLE, "image", "data cell", _fakes, shown=for_points, height=30)
FAKE_ROW = Panel(
    "picture_fake_strip", _FAKE_TITLE, "image", "data cell", _fakes, shown=for_images, height=30, source="picture_fakes"
)
REAL_ROW = Panel("picture_real_strip", ":blue[Real, x]", "image", "data cell", _few_reals, height=30, updated=False)
FAKES = Panel(
    "picture_fakes", ":primary[Fakes, G(z)]", "image", "samples", _fakes, shown=for_images, caption=_fakes_caption,
)  # fmt: skip
REALS = Panel("picture_reals", ":blue[Real, x]", "image", "samples", _reals, shown=for_images, updated=False)
