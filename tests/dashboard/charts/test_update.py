"""Figures of real stages."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from dashboard.charts import update as charts
from tests.dashboard.charts.walks import walk_through


def test_extreme_scores_stay_inside_the_chart_of_generator_losses() -> None:
    figure = charts.generator_losses(np.full(5, -9.0, np.float32))
    low, high = figure.layout.yaxis.range
    for trace in figure.data:
        if trace.mode == "markers":
            assert all(low < value < high for value in trace.y)


def test_bars_show_the_norm_of_every_layer() -> None:
    view = [view for view in walk_through() if view.stage == "update"][-1]
    for what in ("gradient", "change"):
        figure = charts.layer_bars(view, what)
        for trace, network in zip(figure.data, (view.generator, view.discriminator), strict=True):
            assert list(trace.y) == [getattr(layer, what) or 0 for layer in network.layers]
    first = next(walk_through())
    assert set(charts.layer_bars(first, "gradient").data[0].text) == {"None"}
    off = next(view for view in walk_through() if view.stage == "scores")
    assert [list(trace.y) for trace in charts.inactive_bars(off).data] == [[0.0], [0.0]]


def test_a_layer_whose_gradient_is_not_finite_has_no_bar() -> None:
    view = next(view for view in walk_through() if view.stage == "gradients")
    layers = tuple(replace(layer, gradient=math.nan) for layer in view.discriminator.layers)
    broken = replace(view, discriminator=replace(view.discriminator, layers=layers))
    payload = charts.payload(charts.layer_bars(broken, "gradient"))
    json.dumps(payload, allow_nan=False)
    assert payload["data"][1]["y"] == [None] * len(layers)


def test_generator_losses_and_their_slopes_equal_pytorchs() -> None:
    logits = torch.linspace(-6, 4, 30, requires_grad=True)
    ones, zeros = torch.ones(30), torch.zeros(30)
    figure = charts.generator_losses(logits.detach().numpy())
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    for trace, loss in zip(
        dots, (bce(logits, ones, reduction="none"), -bce(logits, zeros, reduction="none")), strict=True
    ):
        np.testing.assert_allclose(trace.y, loss.detach(), rtol=1e-3, atol=1e-4)
    pulls = []
    for loss in (bce(logits, ones, reduction="sum"), -bce(logits, zeros, reduction="sum")):
        (slope,) = torch.autograd.grad(loss, logits)
        pulls.append(float(slope.abs().mean()))
    assert charts.slopes(logits.detach().numpy()) == pytest.approx(tuple(pulls), rel=1e-5)


def test_sigmoid_equals_pytorchs_and_saturates_without_a_warning() -> None:
    logits = np.array([-1000, -5, 0, 3, 1000], np.float32)
    np.testing.assert_allclose(charts.sigmoid(logits), torch.sigmoid(torch.from_numpy(logits)), atol=1e-6)


@pytest.mark.parametrize(("value", "text"), [(None, "None"), (0.0, "0"), (0.12345, "0.123"), (math.inf, "inf")])
def test_norms_are_formatted_for_tables(value: float | None, text: str) -> None:
    assert charts.number(value) == text
