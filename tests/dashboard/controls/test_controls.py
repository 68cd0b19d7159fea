"""Every setting of GANConfig has one widget, which takes range, default and help from it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.session.settings import parse_sizes, show_sizes
from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.setting import Setting
from tests.dashboard.conftest import SMALL, healthy

KINDS = ("number_input", "slider", "toggle", "selectbox", "button_group", "text_input")


def widgets(app: AppTest) -> dict[str, Any]:
    return {widget.key: widget for kind in KINDS for widget in app.get(kind) if widget.key}


TYPED = [setting for setting in GANConfig.settings() if not setting.data]


@pytest.mark.parametrize("setting", TYPED, ids=lambda setting: setting.name)
def test_a_widget_has_range_default_and_help_from_the_config(app: AppTest, setting: Setting) -> None:
    if setting.name == "picture_size":  # its widget is in the dialog for own pictures
        healthy(widgets(app)["dataset"].set_value("own_pictures").run())
    widget = widgets(app)[setting.name]
    proto = widget.proto
    assert setting.help in proto.help
    used = setting.is_used(GANConfig(dataset=widgets(app)["dataset"].value))
    applies = "Changes at once." if setting.live else "Applies from Reset on."
    assert proto.help.endswith(applies if used else "It has no effect now.")
    assert proto.disabled == (not used)
    if setting.kind in ("whole", "number"):
        assert (widget.min, widget.max) == (setting.minimum, setting.maximum)
        for value in (setting.minimum, setting.maximum, *([1e-7] if setting.kind == "number" else [])):
            assert float(proto.format % value) == value, "shown as it is"
    if setting.kind == "choice":
        assert len(proto.options) == len(setting.choices)
    if setting.name == "dataset":
        assert len(proto.options) == len(DATASETS)
    if setting.name not in SMALL:
        shown = {"sizes": show_sizes, "classes": list}.get(setting.kind)
        value = shown(setting.default) if shown else setting.default
        assert widget.value == value


@given(st.lists(st.integers(1, 4096), min_size=1, max_size=6))
def test_parsing_hidden_sizes_inverts_formatting_them(sizes: list[int]) -> None:
    assert parse_sizes(show_sizes(sizes)) == tuple(sizes)
