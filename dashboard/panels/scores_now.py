"""D's mean scores in the last iteration."""

from dashboard.charts.explain import finite_or_dash, latest
from dashboard.charts.rich_text import bold, rich_text, stacked, toned
from dashboard.panels.base import Panel, Payload, ViewOptions
from gan_core.snapshot import Snapshot


def _payload(snapshot: Snapshot, options: ViewOptions) -> Payload:
    now = latest(snapshot, 1)
    return stacked(
        rich_text(toned("Real", "blue"), " scored D(x) ", bold(finite_or_dash(now.get("d_real")))),
        rich_text(toned("Fake", "primary"), " scored D(G(z)) ", bold(finite_or_dash(now.get("d_fake")))),
    )


PANEL = Panel(key="text_scores", title="", kind="text", place="discriminator card", payload=_payload, height=40)
