"""Texts are read in the encodings in which people's programs save them."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core import GANConfig
from gan_core.texts import decode_text

MARKS = {
    "utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE,
}  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")), st.sampled_from(sorted(MARKS)))
def test_a_text_with_a_byte_order_mark_is_read(text: str, encoding: str) -> None:
    assert decode_text(MARKS[encoding] + text.encode(encoding)) == text
    assert decode_text(MARKS[encoding] * 2 + text.encode(encoding)) == text, "a converter took the first mark for text"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1))
def test_a_latin_text_without_a_mark_is_read(encoding: str, text: str) -> None:
    assert decode_text((text + "1.5;2.5").encode(encoding)) == text + "1.5;2.5"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_utf_8_is_read_as_it_is(text: str) -> None:
    assert decode_text(text.encode()) == text


@pytest.mark.parametrize("content", [b"gr\xf6\xdfe", b"\xff\xfe1", b"\x89PNG\r\n\x1a\n", b"1\x002\x003\x004"])
def test_other_bytes_are_no_text(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_text(content)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_config_is_restored_from_its_json_in_every_encoding(encoding: str) -> None:
    config = GANConfig(seed=7)
    assert GANConfig.from_json(config.to_json().encode(encoding)) == config
    assert GANConfig.from_json("\ufeff" + config.to_json()) == config, "a text that was read with its mark"
