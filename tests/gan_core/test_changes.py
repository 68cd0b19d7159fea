"""What was changed while a run trained, as JSON."""

import json
import re
from typing import Any

import pytest

from gan_core import GANConfig
from gan_core.changes import changes_json, read_changes, settings_over_time
from gan_core.snapshot import Change

CHANGES = (
    Change(0, {"leaky_slope": 0.1}),
    Change(5, {"update": "G"}),
    Change(5, {"loss": "hinge", "d_steps": 3}),
    Change(9, {"d_steps": 1}),
)


def test_changes_survive_json() -> None:
    assert read_changes(changes_json(CHANGES), GANConfig()) == CHANGES
    assert read_changes(changes_json(CHANGES).encode("utf-16"), GANConfig()) == CHANGES


def test_settings_over_time_keep_what_was_changed_before() -> None:
    settings = [config for _, config in settings_over_time(GANConfig(), CHANGES)]
    assert [GANConfig().differences(config) for config in settings] == [
        ("leaky_slope",),
        ("leaky_slope",),
        ("leaky_slope", "d_steps", "loss"),
        ("leaky_slope", "loss"),
    ]


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({}, "The changes should be a list."),
        ([3], 'Change 1: it should hold an "iteration" and "values".'),
        ([{"iteration": 2}], 'Change 1: it should hold an "iteration" and "values".'),
        ([{"iteration": 2, "values": {}, "more": 1}], "Change 1: it should hold"),
        ([{"iteration": 2, "values": [3]}], "Change 1: its values should be settings by name"),
        ([{"iteration": 2, "values": {"update": "H"}}], 'Change 1: its values should be settings by name, or "update"'),
        ([{"iteration": 2, "values": {"update": {}}}], "Change 1: its values should be settings by name"),
        ([{"iteration": 2, "values": {"update": "D", "seed": 1}}], "Change 1: its values should be settings by name"),
        ([{"iteration": True, "values": {}}], "Change 1: its iteration should be a whole number from 0"),
        (
            [{"iteration": 2000, "values": {}}, {"iteration": 1, "values": {}}],
            "Change 2: its iteration should be a whole number from 2,000, that of the change before it.",
        ),
        ([{"iteration": 1, "values": {"latent_dim": 3}}], "Change 1: Noise size (latent_dim) cannot change while"),
        (
            [{"iteration": 1, "values": {"d_stps": 3}}],
            "Change 1: d_stps: there is no setting of this name. Did you mean",
        ),
        ([{"iteration": 1, "values": {"d_steps": 99}}], "Change 1: D steps = 99 is not possible"),
    ],
)
def test_a_sentence_says_what_is_wrong(entries: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        read_changes(json.dumps(entries), GANConfig())


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"{", b"[" * 100_000, b"9" * 10_000, b"[\x00]"])
def test_text_that_is_no_json_is_refused_with_a_sentence(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The changes (cannot be read: .*\.|should be a list\.)$"):
        read_changes(text, GANConfig())
