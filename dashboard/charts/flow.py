"""The diagram on the Step through page: where in the flow of data the last stage was."""

from dashboard import theme
from gan_core.config import Network
from gan_core.diagnostics.views import StageView

_BOXES = {
    "real": (300, 4, "real x", theme.REAL),
    "noise": (20, 56, "noise z", theme.QUIET),
    "G": (150, 56, "generator", theme.GENERATOR),
    "fake": (300, 56, "fake G(z)", theme.GENERATOR),
    "D": (450, 30, "discriminator", theme.DISCRIMINATOR),
    "scores": (600, 30, "scores", theme.DISCRIMINATOR),
    "loss": (730, 30, "loss", theme.QUIET),
}
_WIDTH, _HEIGHT = 110, 34
_ARROWS = (("noise", "G"), ("G", "fake"), ("real", "D"), ("fake", "D"), ("D", "scores"), ("scores", "loss"))

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


def flow_svg(view: StageView | None) -> str:
    """Return the diagram as SVG: lit boxes are filled, and arrows point backward while gradients flow."""
    shown = lit(view)
    backward = view is not None and view.stage == "gradients"
    parts = [_arrow(start, end, backward and {start, end} <= set(shown)) for start, end in _ARROWS]
    parts += [_box(name, name in shown) for name in _BOXES]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 96" width="860" height="96"'
        ' font-family="Source Sans, Helvetica, Arial, sans-serif" font-size="15" text-anchor="middle">'
        f"{''.join(parts)}</svg>"
    )


def _box(name: str, is_lit: bool) -> str:
    x, y, text, colour = _BOXES[name]
    fill = colour if is_lit else "none"
    ink = "#ffffff" if is_lit else theme.QUIET
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{fill}" stroke="{colour}"'
        f' stroke-width="{2.5 if is_lit else 1.2}"/>'
        f'<text x="{x + _WIDTH / 2}" y="{y + 22}" fill="{ink}">{text}</text>'
    )


def _arrow(start: str, end: str, backward: bool) -> str:
    (left, top, *_), (x2, bottom, *_) = _BOXES[start], _BOXES[end]
    x1, y1, y2 = left + _WIDTH, top + _HEIGHT / 2, bottom + _HEIGHT / 2
    colour, width = (theme.DISCRIMINATOR, 3) if backward else (theme.QUIET, 1.5)
    tip = (x1 + 2, y1, 7) if backward else (x2 - 2, y2, -7)
    head = f"{tip[0]},{tip[1]} {tip[0] + tip[2]},{tip[1] - 5} {tip[0] + tip[2]},{tip[1] + 5}"
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"/>'
        f'<polygon points="{head}" fill="{colour}"/>'
    )
