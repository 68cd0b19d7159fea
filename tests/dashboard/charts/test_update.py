"""What the Walk page draws, from real stages."""

import io
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from dashboard.charts import listing, stages
from dashboard.charts import update as charts
from dashboard.charts.flow import flow_svg, lit
from dashboard.charts.images import noise_png, sample_gradient_pngs
from gan_core.config import GANConfig
from gan_core.diagnostics.views import StageView
from gan_core.diagnostics.walkthrough import Walkthrough
from gan_core.losses import LOSSES
from gan_core.training.trainer import STAGES, Trainer

SMALL = GANConfig(generator_hidden=(8,), discriminator_hidden=(8,), batch_size=16, latent_dim=3)


def walk_through(config: GANConfig = SMALL) -> Iterator[StageView]:
    walkthrough = Walkthrough(Trainer(config))
    while not walkthrough.finished:
        yield walkthrough.advance()


def test_the_page_knows_the_trainers_walk_through() -> None:
    assert stages.STAGES == STAGES


@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_stage_has_its_lines_its_words_and_its_place(order: str, loss: str) -> None:
    config = SMALL.replace(update_order=order, loss=loss)
    lines = listing.loop(config)
    for view in walk_through(config):
        here = [line.text for line in lines if line.runs(view)]
        assert here, (view.network, view.stage)
        assert len(stages.explain_stage(view)) > 20
        assert lit(view)
        assert flow_svg(view).count('stroke-width="2.5"') == len(lit(view))


def test_the_loop_stands_in_the_configured_order_and_ratio() -> None:
    texts = [line.text for line in listing.loop(SMALL.replace(g_steps=3, d_steps=2))]
    assert texts.index("for _ in range(2):  # D block") < texts.index("for _ in range(3):  # G block")
    swapped = [line.text for line in listing.loop(SMALL.replace(update_order="g_first"))]
    assert swapped[0].endswith("# G block")
    both = [line.text.strip() for line in listing.loop(SMALL.replace(update_order="simultaneous", g_steps=1))]
    assert both[0] == "for _ in range(1):  # both, at the same weights"
    assert both[-2:] == ["d_optimizer.step()", "g_optimizer.step()"]
    more = [line.text for line in listing.loop(SMALL.replace(update_order="simultaneous", g_steps=3))]
    assert "for _ in range(2):  # G block" in more
    assert sum("d_optimizer.step()" in text for text in more) == 1


def test_in_a_shared_turn_and_in_one_alone_other_lines_are_lit() -> None:
    config = SMALL.replace(update_order="simultaneous", g_steps=2, d_steps=1)
    lines = listing.loop(config)
    for view in walk_through(config):
        lit_at = [index for index, line in enumerate(lines) if line.runs(view)]
        assert lit_at
        alone = [line.text for line in lines].index("for _ in range(1):  # G block")
        assert all((index > alone) == (view.turn == 1) for index in lit_at)


def test_a_loss_that_changes_in_the_middle_of_a_walk_is_shown_from_the_next_turn_on() -> None:
    trainer = Trainer(SMALL)
    walkthrough = Walkthrough(trainer)
    for _ in range(4):
        view = walkthrough.advance()
    trainer.reconfigure(SMALL.replace(loss="wasserstein_gp", g_steps=5))
    while not walkthrough.finished:
        later = walkthrough.advance()
        assert stages.explain_stage(later)
        assert (stages.formula(later) == "") == ("loss" not in later.losses)
        assert later.config.loss == ("bce" if later.turn == 0 else "wasserstein_gp")
        assert later.config.g_steps == 2, "this walk's turns were fixed when it began"
    assert view.config == SMALL


def test_a_sure_discriminator_keeps_the_dots_inside_the_chart() -> None:
    figure = charts.generator_losses(np.full(5, -9.0, np.float32))
    low, high = figure.layout.yaxis.range
    for trace in figure.data:
        if trace.mode == "markers":
            assert all(low < value < high for value in trace.y)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_listed_loss_lines_compute_the_shown_loss(loss: str) -> None:
    """The text on the page, executed with the walk's own logits, gives the walk's own numbers."""
    config = SMALL.replace(loss=loss, gradient_penalty=0.0)
    for view in walk_through(config):
        if view.stage != "loss":
            continue
        scope = {
            "bce": bce, "mse": torch.nn.functional.mse_loss, "ones": torch.ones(16), "zeros": torch.zeros(16),
            "penalty": lambda real, fake: 0, "real": None, "fake": None,
            "real_logits": None if view.real_logits is None else torch.from_numpy(view.real_logits),
            "fake_logits": torch.from_numpy(view.fake_logits),
        }  # fmt: skip
        for line in listing.loop(config):
            if (line.network, line.stage) == (view.network, "loss"):
                exec(line.text.strip(), scope)
        computed = scope["d_loss" if view.network == "D" else "g_loss"]
        assert float(computed) == pytest.approx(view.losses["loss"], rel=1e-5)  # type: ignore[arg-type]
        assert f"{view.losses['loss']:.4f}" in stages.formula(view)


def test_no_formula_before_the_loss() -> None:
    assert stages.formula(next(walk_through())) == ""


def test_bars_show_every_layers_norms() -> None:
    view = [view for view in walk_through() if view.stage == "update"][-1]
    for what in ("gradient", "change"):
        figure = charts.layer_bars(view, what)
        for trace, network in zip(figure.data, (view.generator, view.discriminator), strict=True):
            assert list(trace.y) == [getattr(layer, what) or 0 for layer in network.layers]
    first = next(walk_through())
    assert set(charts.layer_bars(first, "gradient").data[0].text) == {"None"}
    off = next(view for view in walk_through() if view.stage == "scores")
    assert [list(trace.y) for trace in charts.off_bars(off).data] == [[0.0], [0.0]]


def test_both_generator_losses_and_their_slopes_are_pytorchs() -> None:
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


def test_sigmoid_is_pytorchs_and_saturates_quietly() -> None:
    logits = np.array([-1000, -5, 0, 3, 1000], np.float32)
    np.testing.assert_allclose(charts.sigmoid(logits), torch.sigmoid(torch.from_numpy(logits)), atol=1e-6)


def test_the_push_tints_the_pixels_that_d_pulls() -> None:
    fakes, push = np.zeros((1, 4, 4), np.float32), np.zeros((1, 4, 4), np.float32)
    push[0, 0, 0], push[0, 3, 3] = 2.0, -2.0
    (file,) = sample_gradient_pngs(fakes, push)
    shown = np.asarray(Image.open(io.BytesIO(file)))
    assert shown[0, 0].tolist() == [255, 140, 40]
    assert shown[3, 3].tolist() == [60, 130, 255]
    assert shown[1, 1].tolist() == [127, 127, 127]


def test_noise_is_a_strip_with_a_row_a_sample() -> None:
    strip = np.asarray(Image.open(io.BytesIO(noise_png(np.array([[-3, 0, 3], [9, 0, 0]], np.float32)))))
    assert strip.tolist() == [[0, 127, 255], [255, 127, 127]]


@pytest.mark.parametrize(("value", "text"), [(None, "None"), (0.0, "0"), (0.12345, "0.123"), (math.inf, "inf")])
def test_numbers_for_tables(value: float | None, text: str) -> None:
    assert charts.number(value) == text
