"""A few fakes and real samples on the data card."""

from dashboard.charts.images import image
from dashboard.panels import fakes
from dashboard.panels.base import Panel, Payload, ViewOptions, for_images, for_points
from gan_core.images import samples_png
from gan_core.snapshot import Snapshot

LENGTH = 6  # images in a row; of points, all are drawn in one image


def _fake_points(snapshot: Snapshot, options: ViewOptions) -> Payload:
    return image(samples_png(snapshot.fake), f"{len(snapshot.fake)} fake samples")


def _reals(snapshot: Snapshot, options: ViewOptions) -> Payload:
    few = snapshot.real if for_points(snapshot.shape) else snapshot.real[:LENGTH]
    return image(samples_png(few, columns=len(few)), f"{len(few)} real samples")


FAKE_POINTS = Panel(
    key="picture_fake_strip",
    title=":primary[Fake, G(z)]",
    kind="image",
    place="data card",
    height=40,
    payload=_fake_points,
    shown=for_points,
)
FAKE_ROW = Panel(
    key="picture_fake_strip",
    title=":primary[Fake, G(z)]",
    kind="image",
    place="data card",
    height=40,
    payload=fakes.PANEL.payload,
    shown=for_images,
    source=fakes.PANEL.key,
)
REAL_ROW = Panel(
    key="picture_real_strip",
    title=":blue[Real, x]",
    kind="image",
    place="data card",
    height=40,
    payload=_reals,
    updated=False,
)
