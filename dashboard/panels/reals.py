"""The image of real samples, which stays the same for a run's life."""

from dashboard.charts.images import image
from dashboard.panels.base import Panel, Payload, ViewOptions, for_images
from gan_core.images import samples_png
from gan_core.snapshot import Snapshot


def _payload(snapshot: Snapshot, options: ViewOptions) -> Payload:
    return image(samples_png(snapshot.real), f"{len(snapshot.real)} real samples of {snapshot.dataset_title}")


PANEL = Panel(
    key="picture_reals",
    title=":blue[Real]",
    kind="image",
    place="samples",
    payload=_payload,
    shown=for_images,
    updated=False,
)
