"""Any bytes at all give pictures or a sentence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.data.errors import DataError
from gan_core.data.own.images import read_images
from tests.gan_core.data.own.support import GOOD, chunk
from tests.gan_core.support import encoded, noise_images, zipped


def survives(files: list[tuple[str, bytes]]) -> None:
    """Check that the files give pictures or a DataError, whose sentences can be printed."""
    try:
        gathered = read_images(files, 8)
    except DataError as error:
        message: tuple[str, ...] = (str(error),)
    else:
        message = gathered.refusals
        assert gathered.array.dtype == np.uint8
        assert gathered.array.shape == (len(gathered.array), 8, 8)
    assert all(sentence.isprintable() for sentence in message)


MUTATIONS = st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=8)


def mutated(content: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    """Return the content with some bytes replaced by others, possibly of another length."""
    for at, new, dropped in changes:
        at %= len(content) + 1
        content = content[:at] + new + content[at + dropped :]
    return content


STARTS = st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])


@given(st.lists(st.tuples(st.sampled_from(["a.zip", "a.png", "a"]), STARTS, st.binary(max_size=200)), max_size=4))
@settings(max_examples=200)
def test_random_bytes_give_pictures_or_a_data_error(files: list[tuple[str, bytes, bytes]]) -> None:
    survives([(name, start + content) for name, start, content in files])


SMALL_ZIP = zipped({**GOOD, "a/photo.jpg": encoded(noise_images(1)[0], "JPEG"), "b/": b"", "notes.txt": b"text" * 99})


@given(MUTATIONS)
@settings(max_examples=200)
def test_damaged_zips_give_pictures_or_a_data_error(changes: list[tuple[int, bytes, int]]) -> None:
    survives([("a.zip", mutated(SMALL_ZIP, changes))])


@pytest.mark.parametrize("name", ["transparency", "exif", "bbox", "interlace", "icc_profile", "default_image"])
def test_a_text_named_like_an_entry_of_pillows_info_raises_nothing(name: str) -> None:
    """Pillow keeps texts and its own entries, such as the transparent colour, in one dictionary."""
    png, text = GOOD["good/00.png"], chunk(b"tEXt", name.encode() + b"\0text")
    survives([("a.png", png[:33] + text + png[33:]), *GOOD.items()])
