"""A drawing: a grid of painted cells, encoded as a text that is short enough for a URL. Loads no PyTorch."""

import base64
import re

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # cells in a row, and rows
EXTENT = 0.95  # the grid covers [-EXTENT, EXTENT]²: the generator's Tanh reaches 1 nowhere
LETTERS = 171  # SIDE² bits, six in a character

Cells = NDArray[np.bool_]


def pack(cells: Cells) -> str:
    """Encode cells ``[32, 32]``, row 0 at the top, as 171 characters: URL-safe base64 without padding."""
    if cells.shape != (SIDE, SIDE):
        raise ValueError(f"A drawing has {SIDE}×{SIDE} cells, not {'×'.join(map(str, cells.shape))}.")
    return base64.urlsafe_b64encode(np.packbits(cells).tobytes()).decode().rstrip("=")


def unpack(text: str) -> Cells:
    """Decode the cells that ``pack`` has encoded; ValueError says why if ``pack`` cannot have returned this text."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{{LETTERS}}}", text):
        raise ValueError(f"it should be {LETTERS} characters of A-Z, a-z, 0-9, - and _")
    packed = np.frombuffer(base64.urlsafe_b64decode(text + "="), np.uint8)
    cells = np.unpackbits(packed).reshape(SIDE, SIDE).astype(bool)
    if pack(cells) != text:  # the last character has two unused bits, which must be 0
        raise ValueError("it should have another last character: this one belongs to no drawing")
    return cells


def drawn(text: str) -> bool:
    """Return whether at least one cell is painted; False also for a text that is not a drawing."""
    try:
        return bool(unpack(text).any())
    except ValueError:
        return False


def _smiling_face() -> Cells:
    """A ring, two eyes and a mouth, each two to three cells wide."""
    steps = np.arange(SIDE) - (SIDE - 1) / 2
    across, up = np.meshgrid(steps, -steps)
    distance = np.hypot(across, up)
    ring = abs(distance - 13.5) < 1.4
    eyes = np.hypot(abs(across) - 4.5, up - 4) < 2
    mouth = (abs(distance - 7.5) < 1.3) & (up < -2)
    face: Cells = ring | eyes | mouth
    return face


STARTER = pack(_smiling_face())  # shown before the learner has drawn anything
