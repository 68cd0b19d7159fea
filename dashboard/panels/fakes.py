"""The image of the fakes."""

from dashboard.charts.images import image
from dashboard.panels.base import Panel, Payload, ViewOptions, for_images
from gan_core.images import samples_png
from gan_core.snapshot import Snapshot


def _payload(snapshot: Snapshot, options: ViewOptions) -> Payload:
    alt = f"{len(snapshot.fake)} fakes by the generator after {snapshot.pictures_iteration:,} iterations"
    return image(samples_png(snapshot.fake), alt)


PANEL = Panel(
    key="picture_fakes",
    title=":primary[Fakes], same noise",
    kind="image",
    place="samples",
    payload=_payload,
    shown=for_images,
    caption=lambda config: (
        "Each position keeps its noise, so you see one picture develop. BatchNorm uses its running statistics here."
    ),
)
