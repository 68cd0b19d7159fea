"""A config keeps valid values unchanged and explains invalid ones."""

import datetime
import json
import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gan_core.config import GANConfig, explain
from gan_core.setting import Setting

SETTINGS = GANConfig.settings()
NAMES = [setting.name for setting in SETTINGS]
PUBLIC = {  # the names and defaults that scripts and links rely on
    "dataset": "digits",
    "latent_dim": 100,
    "generator_hidden": (256, 512, 1024),
    "discriminator_hidden": (512, 256),
    "leaky_slope": 0.2,
    "generator_batch_norm": True,
    "discriminator_batch_norm": False,
    "batch_norm_momentum": 0.7,
    "batch_size": 128,
    "g_steps": 2,
    "d_steps": 1,
    "update_order": "d_first",
    "learning_rate_g": 2e-4,
    "learning_rate_d": 2e-4,
    "adam_beta1": 0.5,
    "adam_beta2": 0.999,
    "seed": 0,
    "device": "auto",
    "precision": "float32",
}


def limits(setting: Setting) -> tuple[float, float]:
    assert setting.minimum is not None
    assert setting.maximum is not None
    return setting.minimum, setting.maximum


TEXTS = {  # pattern and maximum length of each text setting
    "dataset": (r"[\s\S]+", 64),
    "device": (r"auto|cpu|mps|cuda(:[0-9]{1,2})?", 64),
    "drawing": (r"[A-Za-z0-9_-]*", 300),
    "own_data": (r"([0-9a-f]{16})?", 16),
}


def stored_form(setting: Setting, value: Any) -> Any:
    """Return what a config stores for a valid value."""
    if setting.kind == "classes":
        return tuple(sorted(set(value)))
    return tuple(value) if isinstance(value, list) else value


def valid(setting: Setting, value: Any) -> bool:
    """Return whether ``value`` is valid, computed here from the setting's description."""
    if setting.kind == "switch":
        return isinstance(value, bool)
    if setting.kind == "choice":
        return isinstance(value, str) and value in setting.choices
    if setting.kind == "text":
        pattern, longest = TEXTS[setting.name]
        return isinstance(value, str) and len(value) <= longest and re.fullmatch(pattern, value) is not None
    lowest, highest = limits(setting)
    if setting.kind in ("sizes", "classes"):
        least, most = (1, 6) if setting.kind == "sizes" else (0, 100)
        return (
            isinstance(value, list | tuple)
            and least <= len(value) <= most
            and all(type(width) is int and lowest <= width <= highest for width in value)
        )
    types = (int,) if setting.kind == "whole" else (int, float)
    return type(value) in types and lowest <= value <= highest


def valid_values(setting: Setting) -> st.SearchStrategy[Any]:
    if setting.kind == "switch":
        return st.booleans()
    if setting.kind == "choice":
        return st.sampled_from(setting.choices)
    if setting.name == "dataset":
        return st.text(min_size=1, max_size=64)
    if setting.kind == "text":
        pattern, longest = TEXTS[setting.name]
        return st.from_regex(rf"\A({pattern})\Z").filter(lambda text: len(text) <= longest)
    lowest, highest = limits(setting)
    if setting.kind == "sizes":
        return st.lists(st.integers(int(lowest), int(highest)), min_size=1, max_size=6).map(tuple)
    if setting.kind == "classes":
        return st.lists(st.integers(int(lowest), int(highest)), max_size=100).map(tuple)
    return st.integers(int(lowest), int(highest)) if setting.kind == "whole" else st.floats(lowest, highest)


configs = st.fixed_dictionaries({}, optional={setting.name: valid_values(setting) for setting in SETTINGS})
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 5000)
    | st.integers()
    | st.sampled_from([10**400, -(10**400)])
    | st.floats(-2, 2)
    | st.floats()
    | st.text(max_size=80)
    | st.sampled_from(["adam", "sgd", "bce", "d_first", "float32", "cpu", "cpu\n", "cuda:100", "true", "1", "0.5"]),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(configs)
def test_a_config_read_from_its_json_is_equal(values: dict[str, Any]) -> None:
    config = GANConfig(**values)
    read = GANConfig.from_json(config.to_json())
    assert read == config
    assert repr(read) == repr(config)  # no number has changed its type
    assert all(getattr(config, name) == stored_form(GANConfig.setting(name), value) for name, value in values.items())


def check_refusal(setting: Setting, value: Any, error: ValidationError) -> None:
    sentences = explain(error)
    assert sentences
    shown = [value, *value, tuple(value)] if isinstance(value, list) else [value]
    for sentence in sentences:
        assert sentence.startswith(setting.label)
        assert sentence.endswith(f"is not possible; it should be {setting.expected()}.")
        assert any(repr(one)[:57] in sentence for one in shown)
        assert "\n" not in sentence


@given(st.sampled_from(SETTINGS), json_values)
def test_any_value_is_stored_or_refused_with_an_explanation(setting: Setting, value: Any) -> None:
    if valid(setting, value):
        stored = getattr(GANConfig(**{setting.name: value}), setting.name)
        assert stored == stored_form(setting, value)
        assert type(stored) is type(setting.default)
    else:
        with pytest.raises(ValidationError) as caught:
            GANConfig(**{setting.name: value})
        check_refusal(setting, value, caught.value)


@given(st.sampled_from(SETTINGS), json_values)
def test_json_is_validated_as_strictly_as_arguments(setting: Setting, value: Any) -> None:
    text = json.dumps({setting.name: value})
    if valid(setting, value):
        stored = getattr(GANConfig.from_json(text), setting.name)
        assert stored == stored_form(setting, value)
    else:
        with pytest.raises(ValidationError) as caught:
            GANConfig.from_json(text)
        assert explain(caught.value)
        assert all(sentence.startswith(setting.label) for sentence in explain(caught.value))


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=12), json_values, min_size=1, max_size=6))
def test_explain_has_a_sentence_for_every_invalid_field(values: dict[str, Any]) -> None:
    wrong = {name for name, value in values.items() if name not in NAMES or not valid(GANConfig.setting(name), value)}
    if not wrong:
        GANConfig(**values)
        return
    with pytest.raises(ValidationError) as caught:
        GANConfig(**values)
    sentences = explain(caught.value)
    assert len(sentences) >= len(wrong)
    beginnings = [GANConfig.setting(name).label if name in NAMES else name for name in wrong]
    assert all(any(sentence.startswith(beginning) for sentence in sentences) for beginning in beginnings)


@given((st.text(max_size=200) | st.binary(max_size=40)).filter(lambda text: text.strip() not in ("{}", b"{}")))
def test_any_text_that_is_no_config_is_refused_with_an_explanation(text: str | bytes) -> None:
    with pytest.raises(ValidationError) as caught:
        GANConfig.from_json(text)
    assert explain(caught.value)


def refusal(**values: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        GANConfig(**values)
    return explain(caught.value)


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.kind in ("whole", "number")], ids=lambda s: s.name)
def test_numbers_refuse_booleans_texts_and_values_out_of_range(setting: Setting) -> None:
    lowest, highest = limits(setting)
    for value in (True, False, str(setting.default), math.nan, math.inf, None, lowest - 1, highest + 1):
        assert len(refusal(**{setting.name: value})) == 1
    if setting.kind == "whole":
        assert len(refusal(**{setting.name: float(setting.default)})) == 1
    for value in (lowest, highest):
        value = int(value) if setting.kind == "whole" else value
        assert getattr(GANConfig(**{setting.name: value}), setting.name) == value


def test_explain_names_the_valid_values() -> None:
    assert refusal(latent_dim=0) == [
        "Noise size (latent_dim) = 0 is not possible; it should be a whole number from 1 to 1024."
    ]
    assert refusal(update_order="both") == [
        "Update order = 'both' is not possible; it should be one of 'd_first', 'g_first', 'simultaneous'."
    ]
    assert refusal(generator_hidden=[64, 0]) == [
        "G hidden sizes, layer 2 = 0 is not possible; it should be 1 to 6 whole numbers, each from 1 to 4096, "
        "such as 256, 512."
    ]
    assert refusal(latentdim=3) == ["latentdim: there is no setting of this name. Did you mean latent_dim?"]
    assert refusal(zzz=3) == ["zzz: there is no setting of this name."]
    assert len(refusal(batch_size=1, g_steps=0, seed=-1)) == 3


def test_explain_shortens_a_number_too_long_to_print() -> None:
    (sentence,) = refusal(seed=10**5000)
    assert sentence.startswith("Seed = ")
    assert len(sentence) < 200


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_every_setting_has_a_complete_description(setting: Setting) -> None:
    assert setting.help.endswith(".")
    assert setting.help[0].isupper()
    assert setting.label
    assert valid(setting, setting.default)
    assert getattr(GANConfig(), setting.name) == setting.default
    assert GANConfig.setting(setting.name) is setting
    if setting.kind in ("whole", "number"):
        assert setting.step is not None
        assert setting.step > 0
    if setting.kind == "choice":
        assert set(setting.names) == set(setting.choices)


def test_public_names_and_defaults_are_stable() -> None:
    defaults = GANConfig().model_dump()
    assert {name: defaults.get(name) for name in PUBLIC} == PUBLIC


def test_a_config_is_frozen_and_replace_validates() -> None:
    config = GANConfig()
    with pytest.raises(ValidationError):
        config.seed = 1  # type: ignore[misc]
    changed = config.replace(seed=1, g_steps=3)
    assert (changed.seed, changed.g_steps, config.seed) == (1, 3, 0)
    assert set(config.differences(changed)) == {"seed", "g_steps"}
    assert config.differences(GANConfig()) == ()
    with pytest.raises(ValidationError):
        config.replace(seed=-1)


NUMPY: list[tuple[str, Any, Any]] = [
    ("seed", np.int64(3), 3),
    ("seed", np.uint8(3), 3),
    ("seed", np.array(3), 3),
    ("leaky_slope", np.float32(0.25), 0.25),
    ("leaky_slope", np.float64(0.2), 0.2),
    ("leaky_slope", np.float16(0.5), 0.5),
    ("leaky_slope", np.longdouble(0.5), 0.5),
    ("learning_rate_g", np.int32(1), 1.0),
    ("generator_batch_norm", np.bool_(False), False),
    ("generator_hidden", (np.int64(8), 4), (8, 4)),
    ("generator_hidden", [np.int64(8), np.int32(4)], (8, 4)),
    ("generator_hidden", np.array([8, 4]), (8, 4)),
    ("discriminator_hidden", np.array([8], dtype=np.uint16), (8,)),
    ("classes", np.arange(3), (0, 1, 2)),
    ("optimizer_g", np.str_("sgd"), "sgd"),
    ("dataset", np.str_("ring"), "ring"),
    ("seed", torch.tensor(3), 3),
    ("generator_hidden", torch.tensor([8, 4]), (8, 4)),
]


@pytest.mark.parametrize(("name", "value", "stored"), NUMPY)
def test_numbers_of_numpy_are_numbers(name: str, value: Any, stored: Any) -> None:
    for config in (GANConfig(**{name: value}), GANConfig().replace(**{name: value})):
        assert getattr(config, name) == stored
        assert type(getattr(config, name)) is type(stored)
        assert config == GANConfig(**{name: stored})
        assert config.to_json() == GANConfig(**{name: stored}).to_json()
        assert hash(config) == hash(GANConfig(**{name: stored}))
    if isinstance(stored, tuple):
        assert {type(item) for item in getattr(config, name)} == {int}


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("seed", np.float64(3), 3.0),
        ("seed", np.int64(-1), -1),
        ("seed", np.bool_(True), True),
        ("leaky_slope", np.float32("nan"), math.nan),
        ("generator_batch_norm", np.int64(1), 1),
        ("generator_hidden", np.array([8.0]), (8.0,)),
        ("generator_hidden", np.int64(8), 8),
        ("leaky_slope", np.array([0.2]), (0.2,)),
        ("seed", np.datetime64("2020-01-01"), datetime.date(2020, 1, 1)),
    ],
)
def test_numbers_of_numpy_are_refused_with_the_sentence_of_the_same_number(name: str, value: Any, plain: Any) -> None:
    sentences = []
    for given_value in (value, plain):
        with pytest.raises(ValidationError) as caught:
            GANConfig(**{name: given_value})
        sentences.append(explain(caught.value))
    assert sentences[0] == sentences[1]
    assert "np." not in sentences[0][0]
