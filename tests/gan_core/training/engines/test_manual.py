"""The manual engine equals autograd, bit for bit, at every point of a run."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gan_core import GANConfig, Trainer
from gan_core.data.dataset import Dataset
from gan_core.losses import LOSSES
from gan_core.metrics import COLUMNS, Metrics
from gan_core.noise import draw_noise, fill_with_noise
from gan_core.training import arithmetic
from gan_core.training.engines import choose_engine, network_buffers
from gan_core.training.engines.manual import unsupported
from tests.gan_core.support import autograd, points, same, tiny

pytestmark = pytest.mark.usefixtures("always_bfloat16")

CPU = torch.device("cpu")
widths = st.lists(st.integers(1, 40) | st.sampled_from([64, 100, 128, 200, 333]), min_size=1, max_size=3).map(tuple)
rates = st.sampled_from([0.0, 2e-4, 2e-3, 0.05])
losses = st.sampled_from(["bce", "bce_saturating", "least_squares", "hinge"])
orders = st.sampled_from(["d_first", "g_first", "simultaneous"])
configs = st.builds(
    GANConfig,
    device=st.just("cpu"),
    generator_batch_norm=st.booleans(),
    batch_norm_position=st.sampled_from(["after_activation", "before_activation"]),
    batch_norm_momentum=st.sampled_from([0.1, 0.7]),
    precision=st.sampled_from(["float32", "float32", "bfloat16"]),
    latent_dim=st.integers(1, 20),
    noise=st.sampled_from(["normal", "uniform"]),
    generator_hidden=widths,
    discriminator_hidden=widths,
    leaky_slope=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    batch_size=st.integers(2, 40),
    d_steps=st.integers(1, 2),
    g_steps=st.integers(1, 3),
    update_order=orders,
    loss=losses,
    learning_rate_d=rates,
    learning_rate_g=rates,
    adam_beta1=st.sampled_from([0.0, 0.5, 0.9]),
    adam_beta2=st.sampled_from([0.9, 0.999]),
    seed=st.integers(0, 1000),
)


def small(**changes: Any) -> GANConfig:
    """Return settings that the manual engine supports."""
    return tiny(**{"generator_batch_norm": True, **changes})


def pair(config: GANConfig, features: int = 6) -> tuple[Trainer, Trainer]:
    """Return two runs of the same settings; both use the manual engine unless a test walks."""
    first, second = (Trainer(config, points(features=features)) for _ in range(2))
    assert first.engine.name == second.engine.name == "manual"
    return first, second


def walked(trainer: Trainer) -> Metrics:
    """Train one iteration on the reference path."""
    for turn in trainer.turns():
        for _ in trainer.walk_turn(turn):
            pass
    return trainer.finish_iteration()


def agree(first: Metrics, second: Metrics) -> bool:
    """Return whether metrics are equal bit for bit; gradient norms, summed in another order, only nearly."""
    return all(
        float(here) == pytest.approx(float(there), rel=1e-4) if name.startswith("grad_norm") else same(here, there)
        for name, here, there in zip(COLUMNS, first, second, strict=True)
    )


def gradients(trainer: Trainer) -> list[Tensor | None]:
    return [p.grad for p in (*trainer.generator.parameters(), *trainer.discriminator.parameters())]


# Equality ----------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(configs, st.integers(1, 7))
def test_manual_engine_equals_the_reference_path_bit_for_bit(config: GANConfig, features: int) -> None:
    manual, by_autograd = pair(config, features)
    for _ in range(5):
        assert agree(manual.step(), walked(by_autograd))
        assert same(gradients(manual), gradients(by_autograd))
        assert same(manual.state_dict(), by_autograd.state_dict())


@settings(max_examples=30)
@given(configs)
def test_manual_engine_equals_the_reference_path_where_onednn_computes(config: GANConfig) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arithmetic, "MIN_WORK_FOR_ONEDNN", 0)
        manual, by_autograd = pair(config.replace(precision="float32"))
        assert manual.arithmetic.onednn == arithmetic.onednn_computes_in_float32()
    for _ in range(3):
        assert agree(manual.step(), walked(by_autograd))
    assert same(manual.state_dict(), by_autograd.state_dict())


SIZES: dict[str, dict[str, Any]] = {
    "2-D data": {"latent_dim": 2, "generator_hidden": (16, 16), "discriminator_hidden": (32, 32), "batch_size": 150},
    "wider": {"latent_dim": 2, "generator_hidden": (128, 128), "discriminator_hidden": (128, 128), "batch_size": 128},
    "the lecture's": {"generator_batch_norm": True, "batch_size": 128},
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("size", SIZES)
def test_manual_engine_equals_the_reference_path_at_the_sizes_of_the_presets(size: str, precision: Any) -> None:
    lecture = size == "the lecture's"
    config = GANConfig(device="cpu", precision=precision, **{"generator_batch_norm": False, **SIZES[size]})
    manual, by_autograd = (Trainer(config, points(count=500, features=784 if lecture else 2)) for _ in range(2))
    for _ in range(3 if lecture else 20):
        assert agree(manual.step(), walked(by_autograd))
    assert same(manual.state_dict(), by_autograd.state_dict())


def loss_of(network: str, loss: str, g: nn.Module, d: nn.Module, real: Tensor, noise: Tensor) -> Tensor:
    """Compute the textbook's loss from plain modules."""
    pair = LOSSES[loss]
    ones, zeros = torch.ones(len(noise), 1).to(noise), torch.zeros(len(noise), 1).to(noise)
    if network == "G":
        return pair.generator(d(g(noise)), ones, zeros)
    return pair.combine(*pair.discriminator(d(real), d(g(noise).detach()), ones, zeros))


@settings(max_examples=40)
@given(configs, st.sampled_from(["D", "G"]))
def test_gradients_and_losses_equal_those_of_plain_modules_in_float64(config: GANConfig, network: Any) -> None:
    # BatchNorm over two or three values amplifies float32's rounding, in autograd as well.
    steady = {"batch_size": max(4, config.batch_size), "learning_rate_d": 0.0, "learning_rate_g": 0.0}
    trainer, twin = pair(config.replace(**steady, precision="float32"))
    g, d = (copy.deepcopy(module).double() for module in (twin.generator, twin.discriminator))
    real, noise = twin.draw_real().double(), twin.draw_noise(f"noise_{network.lower()}").double()
    loss = loss_of(network, config.loss, g, d, real, noise)
    loss.backward()  # type: ignore[no-untyped-call]
    trainer.update(network)
    mine, plain = (trainer.discriminator, d) if network == "D" else (trainer.generator, g)
    expected = [parameter.grad for parameter in plain.parameters()]
    assert trainer.last_losses(network)[f"loss_{network.lower()}"] == pytest.approx(
        float(loss.detach()), rel=1e-5, abs=1e-6
    )
    scale = max(float(gradient.abs().max()) for gradient in expected if gradient is not None)
    for parameter, gradient in zip(mine.parameters(), expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad.double(), gradient, rtol=1e-4, atol=1e-6 * scale)


# Sequences ---------------------------------------------------------------------------------------------------


def save_and_load(trainer: Trainer) -> None:
    trainer.load_state_dict(trainer.state_dict())


def read(trainer: Trainer) -> None:
    trainer.state_dict()
    for network in ("D", "G"):
        if trainer.updates[network]:
            trainer.last_losses(network)  # type: ignore[arg-type]


ACTIONS: dict[str, Callable[[Trainer], object]] = {
    "step": Trainer.step,
    "walk": walked,
    "D": lambda trainer: trainer.update("D"),
    "G": lambda trainer: trainer.update("G"),
    "walk D": lambda trainer: list(trainer.walk("D")),
    "walk G": lambda trainer: list(trainer.walk("G")),
    "D, then G walks": lambda trainer: (trainer.update("D"), list(trainer.walk("G")), trainer.finish_iteration()),
    "D walks, then G": lambda trainer: (list(trainer.walk("D")), trainer.update("G"), trainer.finish_iteration()),
    "keep": save_and_load,
    "read": read,
    "slope": lambda trainer: trainer.reconfigure(trainer.config.replace(leaky_slope=0.1)),
    "rates": lambda trainer: trainer.reconfigure(
        trainer.config.replace(learning_rate_g=0.01, adam_beta1=0.3, adam_beta2=0.99)
    ),
    "ratio": lambda trainer: trainer.reconfigure(trainer.config.replace(d_steps=2, g_steps=1)),
    "order": lambda trainer: trainer.reconfigure(trainer.config.replace(update_order="simultaneous")),
    "squares": lambda trainer: trainer.reconfigure(trainer.config.replace(loss="least_squares")),
    "penalty": lambda trainer: trainer.reconfigure(trainer.config.replace(loss="wasserstein_gp")),
    "bce": lambda trainer: trainer.reconfigure(trainer.config.replace(loss="bce")),
}
WALKED: dict[str, Callable[[Trainer], object]] = {  # the same on the reference path
    **ACTIONS,
    "step": walked,
    "D": ACTIONS["walk D"],
    "G": ACTIONS["walk G"],
    "D, then G walks": lambda trainer: [*trainer.walk("D"), *trainer.walk("G"), trainer.finish_iteration()],
    "D walks, then G": lambda trainer: [*trainer.walk("D"), *trainer.walk("G"), trainer.finish_iteration()],
}


@settings(max_examples=60)
@given(st.lists(st.sampled_from(sorted(ACTIONS)), min_size=2, max_size=12))
def test_manual_updates_and_walks_may_follow_one_another_in_any_order(actions: list[str]) -> None:
    mixed, by_autograd = pair(small(d_steps=1, g_steps=2))
    for action in actions:
        ACTIONS[action](mixed)
        WALKED[action](by_autograd)
        assert same(mixed.state_dict(), by_autograd.state_dict())
    for network in ("D", "G"):
        if mixed.updates[network]:
            assert mixed.last_losses(network) == by_autograd.last_losses(network)  # type: ignore[arg-type]
    assert agree(mixed.step(), walked(by_autograd))


def test_grad_holds_the_same_gradients_as_after_autograd() -> None:
    trainer, other = pair(small())
    parameters = list(trainer.discriminator.parameters())
    trainer.update("D")
    list(other.walk("D"))
    assert same([p.grad for p in parameters], [p.grad for p in other.discriminator.parameters()])
    assert all(p.grad is None for p in trainer.generator.parameters())
    for stage in trainer.walk("D"):
        if stage.name == "zero_grad":
            assert all(p.grad is None for p in parameters)
    trainer.update("D")
    list(other.walk("D"))
    list(other.walk("D"))
    assert same([p.grad for p in parameters], [p.grad for p in other.discriminator.parameters()])


def test_a_later_step_does_not_change_returned_metrics() -> None:
    trainer, _ = pair(small())
    first = trainer.step()
    then = [value.clone() for value in first]
    trainer.step()
    assert same(list(first), then)


def test_step_into_writes_what_step_returns() -> None:
    for config in (small(), tiny()):
        into, given_back = Trainer(config, points()), Trainer(config, points())
        rows = torch.zeros(3, len(COLUMNS))
        for row in rows:
            into.step_into(row)
            assert same(list(row), list(given_back.step()))


def test_backward_through_an_autograd_graph_from_before_an_update_raises() -> None:
    """Weights that changed since the forward pass would give wrong gradients."""
    trainer, _ = pair(small())
    trainer.update("D")
    walk = trainer.walk("G")
    while next(walk).name != "loss":
        pass
    trainer.update("D")
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        list(walk)


@pytest.mark.parametrize("name", ["normal", "uniform"])
def test_noise_drawn_in_place_equals_new_noise(name: Any) -> None:
    drawn = draw_noise((9, 7), name, torch.Generator().manual_seed(3))
    filled = fill_with_noise(torch.empty(9, 7), name, torch.Generator().manual_seed(3))
    random = torch.Generator().manual_seed(3)
    plain = torch.randn(9, 7, generator=random) if name == "normal" else torch.rand(9, 7, generator=random) * 2 - 1
    assert same(drawn, filled)
    assert same(drawn, plain)


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
@pytest.mark.parametrize("chosen", [None, torch.tensor([4, 2, 7, 9])])
def test_a_batch_written_in_place_equals_a_new_batch(dtype: torch.dtype, chosen: Tensor | None) -> None:
    samples = torch.arange(60).reshape(10, 6).to(dtype)
    dataset = Dataset("numbers", "Numbers", samples, (6,), chosen=chosen)
    indices, out = torch.tensor([3, 0, 3]), torch.empty(3, 6)
    assert same(dataset.batch(indices, out), dataset.batch(indices))
    assert same(out, dataset.batch(indices))


# Planted errors ---------------------------------------------------------------------------------------------


def test_a_wrong_norm_of_the_manual_engine_disagrees_with_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference computes its own norm, so it does not repeat the engine's error."""

    def of_all_but_100(buffers: network_buffers.NetworkBuffers, out: Tensor) -> Callable[[], object]:
        return lambda: torch.linalg.vector_norm(buffers._flat_gradient[100:], out=out)

    monkeypatch.setattr(network_buffers.NetworkBuffers, "norm", of_all_but_100)
    manual, by_autograd = pair(small(generator_hidden=(64, 64), discriminator_hidden=(64, 64)))
    wrong, right = manual.step(), walked(by_autograd)
    assert not agree(wrong, right)
    assert float(wrong.grad_norm_g) != pytest.approx(float(right.grad_norm_g), rel=1e-4)


def test_a_wrong_score_of_the_manual_engine_disagrees_with_the_reference() -> None:
    manual, by_autograd = pair(small())
    engine: Any = manual.engine
    del engine._score_after[-1]  # the score after the step is never written
    wrong, right = manual.step(), walked(by_autograd)
    assert not agree(wrong, right)
    assert float(wrong.d_fake_after) != pytest.approx(float(right.d_fake_after), rel=1e-6)


# Choice of the engine ---------------------------------------------------------------------------------------

UNSUPPORTED: list[tuple[dict[str, Any], str]] = [
    ({"discriminator_batch_norm": True}, "BatchNorm in the discriminator"),
    ({"optimizer_g": "sgd"}, "SGD"),
    ({"optimizer_d": "sgd", "discriminator_batch_norm": True}, "BatchNorm in the discriminator, SGD"),
    ({"loss": "wasserstein_gp"}, "this loss"),
]


@pytest.mark.parametrize(("change", "reason"), UNSUPPORTED, ids=lambda value: str(value))
def test_unsupported_settings_use_autograd_and_the_description_gives_the_reason(
    change: dict[str, Any], reason: str
) -> None:
    trainer = Trainer(small(**change), points())
    assert trainer.engine.name == "autograd"
    assert trainer.engine.description.endswith(f"does not support {reason}.")
    trainer.step()
    assert trainer.iteration == 1


def test_supported_settings_use_the_manual_engine() -> None:
    trainer = Trainer(small(), points())
    assert trainer.engine.description.startswith("Updates by a manual backward pass")
    assert not unsupported(small(), CPU)
    assert "the device cuda" in unsupported(small(), torch.device("cuda"))


def test_a_change_of_loss_can_change_the_engine() -> None:
    trainer = Trainer(small(), points())
    for loss, name in (("wasserstein_gp", "autograd"), ("least_squares", "manual"), ("bce", "manual")):
        trainer.reconfigure(trainer.config.replace(loss=loss))
        assert trainer.engine.name == name


def test_changes_of_settings_keep_an_engine_given_by_the_caller() -> None:
    trainer = Trainer(small(), points(), make_engine=autograd)
    trainer.reconfigure(trainer.config.replace(learning_rate_g=0.01))
    assert trainer.engine.name == "autograd"
    assert choose_engine(trainer).name == "manual"
