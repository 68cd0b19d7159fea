"""The chart of D's accuracy."""

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.panels.accuracy import PANEL, accuracy
from dashboard.panels.base import ViewOptions
from gan_core.config import GANConfig
from gan_core.snapshot import Snapshot

Make = Callable[..., Snapshot]


def test_curves_are_the_shares_that_d_judges_right(snapshot: Make) -> None:
    shown = snapshot(20)
    figure = go.Figure(accuracy(shown).plain)
    curves = {trace.name: trace for trace in figure.data}
    for column, name in (("accuracy_real", "real, raw"), ("accuracy_fake", "fakes, raw")):
        np.testing.assert_array_equal(curves[name].y, shown.trace.column(column))
        assert 0 <= min(curves[name].y) <= max(curves[name].y) <= 1
    assert figure.layout.annotations[0].text == "50%"


def test_a_loss_without_a_level_between_real_and_fake_has_no_curves_and_says_so(snapshot: Make) -> None:
    shown = snapshot(3, loss="wasserstein_gp")
    assert np.isnan(shown.trace.column("accuracy_real")).all()
    assert PANEL.payload(shown, ViewOptions())["data"] == []
    assert "there is no accuracy" in PANEL.caption(shown.config)


@pytest.mark.parametrize("loss", ["bce", "least_squares", "hinge"])
def test_the_caption_explains_half_and_all(loss: str) -> None:
    caption = PANEL.caption(GANConfig(loss=loss))
    assert "With both near 50%, it does no better than guessing" in caption
    assert "with both at 100%, it makes no mistake" in caption
