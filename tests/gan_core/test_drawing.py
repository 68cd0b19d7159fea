"""A drawing as a text."""

from gan_core.data.drawing import STARTER, pack, unpack


def test_the_starter_is_a_drawing() -> None:
    assert len(STARTER) == 171
    assert pack(unpack(STARTER)) == STARTER
