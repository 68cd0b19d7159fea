"""Images of samples: a few on the data card, all of the shown ones in the card of images."""

from dashboard.charts.explain import counted
from dashboard.charts.images import image
from dashboard.panels.base import Panel, Payload, ViewOptions, for_images, for_points
from gan_core.config import GANConfig
from gan_core.images import samples_png
from gan_core.snapshot import Snapshot

ROW = 6  # images on the data card; points are all drawn in one image


def _fakes(snapshot: Snapshot, options: ViewOptions) -> Payload:
    made = f"{counted(len(snapshot.fake), 'fake')} by the generator"
    alt = f"{made} after {counted(snapshot.samples_iteration, 'iteration')}"
    return image(samples_png(snapshot.fake), alt)


def _reals(snapshot: Snapshot, options: ViewOptions) -> Payload:
    return image(
        samples_png(snapshot.real), f"{counted(len(snapshot.real), 'real sample')} of {snapshot.dataset_title}"
    )


def _few_reals(snapshot: Snapshot, options: ViewOptions) -> Payload:
    few = snapshot.real if for_points(snapshot.shape) else snapshot.real[:ROW]
    return image(samples_png(few, columns=len(few)), counted(len(few), "real sample"))


def _fakes_caption(config: GANConfig) -> str:
    kept = "Each position keeps its noise, so you see each picture develop."
    return f"{kept} BatchNorm uses its running statistics here." if config.generator_batch_norm else kept


_FAKE_TITLE = ":primary[Fake, G(z)]"

FAKE_POINTS = Panel("picture_fake_strip", _FAKE_TITLE, "image", "data card", _fakes, shown=for_points, height=40)
FAKE_ROW = Panel(
    "picture_fake_strip", _FAKE_TITLE, "image", "data card", _fakes, shown=for_images, height=40, source="picture_fakes"
)
REAL_ROW = Panel("picture_real_strip", ":blue[Real, x]", "image", "data card", _few_reals, height=40, updated=False)
FAKES = Panel(
    "picture_fakes", ":primary[Fakes], same noise", "image", "samples", _fakes, shown=for_images,
    caption=_fakes_caption,
)  # fmt: skip
REALS = Panel("picture_reals", ":blue[Real]", "image", "samples", _reals, shown=for_images, updated=False)
