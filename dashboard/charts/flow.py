"""The diagram on the Step through page: where in the flow of data the last stage was."""

from dashboard import theme
from gan_core.config import Network
from gan_core.diagnostics.views import StageView

_BOXES = {
    "real": ("real x", theme.REAL),
    "noise": ("noise z", theme.QUIET),
    "G": ("generator", theme.GENERATOR),
    "fake": ("fake G(z)", theme.GENERATOR),
    "D": ("discriminator", theme.DISCRIMINATOR),
    "scores": ("scores", theme.DISCRIMINATOR),
    "loss": ("loss", theme.QUIET),
}
_ARROWS = {  # forward, and backward while gradients flow
    ("noise", "G"): "→←",
    ("G", "fake"): "→←",
    ("real", "D"): "↘↖",
    ("fake", "D"): "↗↙",
    ("D", "scores"): "→←",
    ("scores", "loss"): "→←",
}

_LIT: dict[tuple[Network, str], tuple[str, ...]] = {
    ("D", "noise"): ("real", "noise"),
    ("D", "fake"): ("G", "fake"),
    ("D", "scores"): ("D", "scores"),
    ("D", "loss"): ("loss",),
    ("D", "zero_grad"): ("D",),
    ("D", "gradients"): ("loss", "scores", "D"),
    ("D", "update"): ("D",),
    ("G", "noise"): ("noise",),
    ("G", "fake"): ("G", "fake"),
    ("G", "scores"): ("D", "scores"),
    ("G", "loss"): ("loss",),
    ("G", "zero_grad"): ("G",),
    ("G", "gradients"): ("loss", "scores", "D", "fake", "G"),
    ("G", "update"): ("G",),
}


def lit(view: StageView | None) -> tuple[str, ...]:
    """Return the names of the boxes that the stage used."""
    return () if view is None else _LIT[view.network, view.stage]


def flow_html(view: StageView | None) -> str:
    """Return the diagram as HTML: lit boxes are filled, and arrows point backward while gradients flow.

    The page's style places each box and each arrow by its class.
    """
    shown = lit(view)
    backward = view is not None and view.stage == "gradients"
    parts = [_box(name, name in shown) for name in _BOXES]
    parts += [_arrow(start, end, backward and {start, end} <= set(shown)) for start, end in _ARROWS]
    label = "Flow of data: noise, generator, fake and real, discriminator, scores, loss"
    if shown:
        label += f". This stage: {', '.join(_BOXES[name][0] for name in shown)}"
    return f'<div class="flow" role="img" aria-label="{label}">{"".join(parts)}</div>'


def _box(name: str, is_lit: bool) -> str:
    text, colour = _BOXES[name]
    return f'<span class="box {"lit " if is_lit else ""}at-{name}" style="--colour: {colour}">{text}</span>'


def _arrow(start: str, end: str, backward: bool) -> str:
    return f'<span class="{"backward " if backward else ""}from-{start}">{_ARROWS[start, end][backward]}</span>'
