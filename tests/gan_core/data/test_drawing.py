"""Encoding a drawing as a text."""

import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gan_core import GANConfig
from gan_core.data.drawing import LETTERS, SIDE, STARTER, pack, unpack

drawings = arrays(bool, (SIDE, SIDE))


@given(drawings)
def test_unpack_inverts_pack(cells: np.ndarray) -> None:
    text = pack(cells)
    assert re.fullmatch(r"[A-Za-z0-9_-]{171}", text)
    back = unpack(text)
    assert back.dtype == bool
    assert np.array_equal(back, cells)
    assert GANConfig(drawing=text).drawing == text


def test_the_first_character_encodes_the_top_left_cells() -> None:
    """The page's canvas encodes drawings in JavaScript, in the same way."""
    cells = np.zeros((SIDE, SIDE), bool)
    cells[0, 5] = True  # the sixth bit, the last of the first character
    assert pack(cells) == "B" + "A" * 170
    cells[0, 5], cells[-1, -1] = False, True  # the last of 1,024 bits; the last character has two more
    assert pack(cells) == "A" * 170 + "E"


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_+/= \n", min_size=168, max_size=174))
def test_unpack_accepts_only_texts_that_pack_returns(text: str) -> None:
    try:
        cells = unpack(text)
    except ValueError:
        return
    assert pack(cells) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "should be 171 characters"),
        ("A" * 170, "should be 171 characters"),
        ("A" * 172, "should be 171 characters"),
        ("A" * 170 + "+", "should be 171 characters"),
        ("A" * 170 + "\n", "should be 171 characters"),
        ("Ä" * 171, "should be 171 characters"),
        ("A" * 171 + "\n", "should be 171 characters"),
        ("A" * 170 + "B", "another last character"),
    ],
)
def test_unpack_says_why_it_rejects_a_text(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(text)


def test_pack_rejects_other_shapes_than_the_grid() -> None:
    with pytest.raises(ValueError, match="32×32 cells, not 3×32"):
        pack(np.zeros((3, SIDE), bool))


def test_the_starter_is_a_symmetric_drawing_of_strokes() -> None:
    cells = unpack(STARTER)
    assert len(STARTER) == LETTERS
    assert np.array_equal(cells, cells[:, ::-1])  # a face
    assert 0.1 < cells.mean() < 0.4
