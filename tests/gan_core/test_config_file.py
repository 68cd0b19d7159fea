"""A file of settings that a learner uploads."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core import GANConfig
from gan_core.config_file import LARGEST, SENTENCES, read_config_file

CHANGED = GANConfig(dataset="ring", seed=7, generator_hidden=(8, 9))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_settings_gives_the_settings(encoding: str) -> None:
    assert read_config_file(CHANGED.to_json().encode(encoding)) == CHANGED


@pytest.mark.parametrize(
    ("data", "sentences"),
    [
        (b"", ["The settings cannot be read: Invalid JSON: EOF while parsing a value at line 1 column 0."]),
        (b"PK\x03\x04", ["The settings cannot be read: Invalid JSON: expected value at line 1 column 1."]),
        (b"[" * 50_000, ["The settings cannot be read: Invalid JSON: recursion limit exceeded"]),
        (b"[1]", ["The settings cannot be read: Input should be an object."]),
        (b'{"seed": 1e400, "sed": 1}', ["Seed = inf is not possible; it", "sed: there is no setting of this name. Did"]),
        (b'{"dataset": "mnst"}', ["Dataset = 'mnst' is not possible; it should be one of 'digits', 'mnist', "]),
        (b'{"": 1}', ["'': there is no setting of this name."]),
        (b'{"%s": 1}' % (b"k" * 5000), [f"'{'k' * 56}…: there is no setting of this name."]),
        (b"7" * (LARGEST + 1), ["This is no file of settings: it has 100,001 bytes, and settings take a few thousand."]),
        (
            json.dumps({f"name_{number}": 1 for number in range(1000)}).encode(),
            [f"name_{number}: there is no setting of this name." for number in range(SENTENCES)]
            + ["995 more settings are not possible."],
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_what_is_wrong(data: bytes, sentences: list[str]) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentences[0])}") as refusal:
        read_config_file(data)
    found = str(refusal.value).splitlines()
    assert len(found) == len(sentences)
    assert all(line.startswith(sentence) for line, sentence in zip(found, sentences, strict=True))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([setting.name for setting in GANConfig.settings()]) | st.text(max_size=12)


@given(
    st.binary(max_size=200)
    | st.dictionaries(NAMES, VALUES, max_size=5).map(lambda entries: json.dumps(entries).encode())
)
def test_any_file_gives_settings_or_a_sentence(data: bytes) -> None:
    try:
        read: Any = read_config_file(data)
    except ValueError as refusal:
        read = str(refusal)
    assert isinstance(read, GANConfig) or 0 < len(read) < 4000
