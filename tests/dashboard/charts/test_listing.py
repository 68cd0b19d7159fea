"""The listing of the lecture's loop, on real stages."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from dashboard.charts import listing, stages
from dashboard.charts.flow import flow_html, lit
from gan_core.diagnostics.laboratory import experiment
from gan_core.diagnostics.views import Switches
from gan_core.losses import LOSSES
from gan_core.training.trainer import Trainer
from tests.dashboard.charts.walks import SMALL, walk_through


@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_stage_has_code_lines_an_explanation_and_lit_boxes(order: str, loss: str) -> None:
    config = SMALL.replace(update_order=order, loss=loss)
    lines = listing.loop(config)
    for view in walk_through(config):
        here = [line.text for line in lines if line.runs(view)]
        assert here, (view.network, view.stage)
        assert len(stages.explain_stage(view)) > 20
        assert lit(view)
        assert flow_html(view).count('class="box lit ') == len(lit(view))


def test_the_listing_follows_the_configured_order_and_ratio() -> None:
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


def test_a_shared_turn_lights_other_lines_than_a_turn_of_one_network() -> None:
    config = SMALL.replace(update_order="simultaneous", g_steps=2, d_steps=1)
    lines = listing.loop(config)
    for view in walk_through(config):
        lit_at = [index for index, line in enumerate(lines) if line.runs(view)]
        assert lit_at
        alone = [line.text for line in lines].index("for _ in range(1):  # G block")
        assert all((index > alone) == (view.turn == 1) for index in lit_at)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_listed_loss_lines_compute_the_shown_loss(loss: str) -> None:
    """Executing the listed lines with a stage's logits gives the loss that the stage shows."""
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


def test_arrows_point_backward_only_along_the_way_of_the_gradient() -> None:
    for view in walk_through():
        backward = flow_html(view).count('class="backward ')
        assert backward == ({"D": 2, "G": 4}[view.network] if view.stage == "gradients" else 0)


def test_the_listed_noise_is_the_configured_one() -> None:
    for noise, expression in (("normal", "torch.randn(16, 3)"), ("uniform", "2 * torch.rand(16, 3) - 1")):
        texts = [line.text.strip() for line in listing.loop(SMALL.replace(noise=noise))]
        assert texts.count(f"noise = {expression}") == 2


SWITCHED = (
    Switches(),
    Switches(detach=False),
    Switches(zero_grad=False),
    Switches(labels="zeros"),
    Switches(reuse_fakes=True),
    Switches(detach=False, reuse_fakes=True, retain_graph=True),
)


@pytest.mark.parametrize("switches", SWITCHED)
def test_the_laboratorys_listed_lines_compute_its_losses(switches: Switches) -> None:
    """Executing the listed lines on a copy of the run gives the losses that the laboratory shows."""
    trainer = Trainer(SMALL)
    trainer.step()
    tried = experiment(trainer, switches).blocks
    copy = Trainer(SMALL)
    copy.load_state_dict(trainer.state_dict())
    for source, target in zip(trainer.discriminator.parameters(), copy.discriminator.parameters(), strict=True):
        target.grad = None if source.grad is None else source.grad.clone()
    draws = iter((copy.draw_noise("noise_d"), copy.draw_noise("noise_g")))

    class Torch:
        """The noise that the laboratory draws, under PyTorch's name."""

        @staticmethod
        def randn(*size: int) -> torch.Tensor:
            return next(draws)

    scope = {
        "torch": Torch, "bce": bce, "ones": copy.ones, "zeros": copy.zeros, "generator": copy.generator,
        "discriminator": copy.discriminator, "batches": iter([copy.draw_real()]), "d_optimizer": copy.optimizer_d,
        "g_optimizer": copy.optimizer_g,
    }  # fmt: skip
    exec("\n".join(text for text, _ in listing.laboratory_loop(SMALL, switches)), scope)
    assert [block.error for block in tried] == ["", ""]
    assert scope["d_loss"].item() == pytest.approx(tried[0].loss, rel=1e-6)  # type: ignore[arg-type]
    assert scope["g_loss"].item() == pytest.approx(tried[1].loss, rel=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize("switches", SWITCHED)
def test_the_laboratory_lights_the_lines_that_differ_from_the_lectures(switches: Switches) -> None:
    lecture = [text for text, _ in listing.laboratory_loop(SMALL, Switches())]
    lines = listing.laboratory_loop(SMALL, switches)
    assert [lit for _, lit in lines] == [text != usual for (text, _), usual in zip(lines, lecture, strict=True)]
    assert any(lit for _, lit in lines) == (switches != Switches())
