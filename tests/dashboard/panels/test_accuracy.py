"""The chart of D's accuracy."""

from collections.abc import Callable
from dataclasses import replace

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


def test_a_loss_without_a_level_between_real_and_fake_says_so_beside_the_curves_before_it(snapshot: Make) -> None:
    shown = snapshot(3, loss="wasserstein_gp")
    assert np.isnan(shown.trace.column("accuracy_real")).all()
    notes = PANEL.payload(shown, ViewOptions())["layout"]["annotations"]
    (note,) = [note for note in notes if "has no level" in note["text"]]
    assert (note["y"], note["yanchor"]) == (0.25, "middle"), "below the line at 50%, which would cross it"
    before = snapshot(20)
    changed = replace(before, config=before.config.replace(loss="wasserstein_gp"))
    curves = {trace.name: trace for trace in go.Figure(accuracy(changed).plain).data}
    np.testing.assert_array_equal(curves["real, raw"].y, before.trace.column("accuracy_real"))
    assert not any("has no level" in note.text for note in go.Figure(accuracy(before).plain).layout.annotations)
    assert "there is no accuracy" in PANEL.caption(shown.config)


@pytest.mark.parametrize("loss", ["bce", "least_squares", "hinge"])
def test_the_caption_explains_half_and_all(loss: str) -> None:
    caption = PANEL.caption(GANConfig(loss=loss))
    assert "With both near 50%, it does no better than guessing" in caption
    assert "with both at 100%, it makes no mistake" in caption
