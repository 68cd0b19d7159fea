"""Figures of real stages."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from dashboard.charts import update as charts
from gan_core.diagnostics.views import StageView
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.training.trainer import Trainer
from tests.dashboard.charts.walks import SMALL, walk_through


def test_extreme_scores_stay_inside_the_chart_of_generator_losses() -> None:
    figure = charts.generator_losses(np.full(5, -9.0, np.float32))
    low, high = figure.layout.yaxis.range
    for trace in figure.data:
        if trace.mode == "markers":
            assert all(low < value < high for value in trace.y)


def test_bars_show_the_norm_of_every_layer_of_the_stages_network() -> None:
    for view in walk_through():
        if view.stage not in ("gradients", "update"):
            continue
        network = view.generator if view.network == "G" else view.discriminator
        for what in ("gradient", "change"):
            figure = charts.layer_bars(view, what)
            values = [getattr(layer, what) for layer in network.layers]
            if not any(values):
                assert figure is None, "no empty chart"
                continue
            assert figure is not None
            (trace,) = figure.data
            assert list(trace.x) == values
            assert [label.partition(": ")[2] for label in trace.y] == [layer.name for layer in network.layers]


def test_there_is_no_chart_of_changes_before_the_optimisers_step() -> None:
    for view in walk_through():
        assert (charts.layer_bars(view, "change") is not None) == (view.stage == "update")


def test_a_layer_whose_gradient_is_not_finite_has_no_bar() -> None:
    view = next(view for view in walk_through() if view.stage == "gradients")
    first, *rest = view.discriminator.layers
    for layers, expected in (
        ((replace(first, gradient=math.nan), *rest), [None, *(layer.gradient for layer in rest)]),
        (tuple(replace(layer, gradient=math.nan) for layer in view.discriminator.layers), None),
    ):
        broken = replace(view, discriminator=replace(view.discriminator, layers=layers))
        figure = charts.layer_bars(broken, "gradient")
        assert (figure is None) == (expected is None)
        if figure is not None:
            payload = charts.payload(figure)
            json.dumps(payload, allow_nan=False)
            assert payload["data"][0]["x"] == expected


def dead(slope: float, bias: float) -> StageView:
    """Return the view of D's scores in a run with this slope, whose first layer of G has this bias."""
    config = SMALL.replace(leaky_slope=slope, generator_batch_norm=False)
    trainer = Trainer(config)
    with torch.no_grad():
        trainer.generator[0].weight.zero_()  # type: ignore[operator, union-attr]
        trainer.generator[0].bias.fill_(bias)  # type: ignore[operator, union-attr]
    walkthrough = Walkthrough(trainer)
    while (view := walkthrough.advance()).stage != "scores":
        pass
    return view


@pytest.mark.parametrize(
    ("slope", "bias", "sentence"),
    [
        (0.0, -1.0, "With slope 0 a unit that is off for every sample gets no gradient"),
        (0.0, 1.0, "With slope 0 a unit that is off for every sample gets no gradient"),
        (0.2, -1.0, "LeakyReLU passes on every negative value"),
        (0.2, 0.0, "The slope is not 0: what reaches these units is 0"),
    ],
)
def test_the_sentence_on_dead_units_is_true_of_their_shares(slope: float, bias: float, sentence: str) -> None:
    view = dead(slope, bias)
    layers = charts.inactive_layers(view)
    message = charts.explain_inactive(layers, slope)
    most = max(share for _, share in layers)
    assert sentence in message
    assert ("no unit is off" in message) == (most == 0)
    assert ("LeakyReLU passes on every negative value" in message) == (slope > 0 and most == 0)
    assert (f"in G 1: Linear 3→8, {most:.1%} of the units are off" in message) == (bias <= 0 and most > 0)
    figure = charts.inactive_bars(view)
    assert (figure is None) == (most == 0), "no empty chart"
    if figure is not None:
        assert {label: share for trace in figure.data for label, share in zip(trace.y, trace.x, strict=True)} == dict(
            layers
        )


def test_a_single_inactive_unit_of_many_is_not_shown_as_none() -> None:
    assert "0.1% of the units are off" in charts.explain_inactive([("G 1", 1 / 4096)], 0.0)


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
