"""walk → update → step, and runs that are reconfigured, saved and continued."""

import io
import re
from typing import Any

import pytest
import torch

from gan_core import GANConfig, Trainer
from gan_core.data.errors import DataError
from gan_core.device import DeviceUnavailable
from gan_core.metrics import COLUMNS, Metrics
from gan_core.training.gan import STAGES
from tests.gan_core.support import DEVICES, Recorded, copied, points, same, tiny, tiny_trainer

pytestmark = pytest.mark.usefixtures("always_bfloat16")

NETWORKS: list[Any] = ["D", "G"]
ORDERS = ["d_first", "g_first", "simultaneous"]


def everything(trainer: Trainer) -> dict[str, Any]:
    """Return a saved and reloaded copy of a run's state."""
    file = io.BytesIO()
    torch.save(trainer.state_dict(), file)
    file.seek(0)
    state: dict[str, Any] = torch.load(file, weights_only=True)
    return state


def both(**kept: Any) -> dict[str, Any]:
    """Return settings with BatchNorm in both networks."""
    return {"generator_batch_norm": True, "discriminator_batch_norm": True, **kept}


# One update ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
def test_a_walk_yields_all_stages_in_order(network: Any) -> None:
    trainer = tiny_trainer()
    assert [(stage.network, stage.name) for stage in trainer.walk(network)] == [(network, name) for name in STAGES]


@pytest.mark.parametrize("network", NETWORKS)
def test_each_stage_is_computed_only_when_requested(network: Any) -> None:
    trainer = tiny_trainer()
    module = trainer.discriminator if network == "D" else trainer.generator
    start = everything(trainer)
    walk = trainer.walk(network)
    assert same(everything(trainer), start)
    parameters = list(module.parameters())
    weights = [parameter.detach().clone() for parameter in parameters]
    for stage in walk:
        has_gradients = all(parameter.grad is not None for parameter in parameters)
        assert has_gradients == (stage.name in ("gradients", "update"))
        assert same(weights, [p.detach() for p in parameters]) == (stage.name != "update")
        assert trainer.updates[network] == (stage.name == "update")


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("loss", ["bce", "wasserstein_gp"])
def test_an_update_equals_a_finished_walk(network: Any, loss: Any) -> None:
    walked, updated = tiny_trainer(**both(loss=loss)), tiny_trainer(**both(loss=loss))
    for _ in range(5):
        for _stage in walked.walk(network):
            pass
        updated.update(network)
    assert same(everything(walked), everything(updated))


@pytest.mark.parametrize("loss", ["bce", "bce_saturating", "least_squares", "wasserstein_gp"])
@pytest.mark.parametrize("network", NETWORKS)
def test_an_update_does_not_change_the_other_network(network: Any, loss: Any) -> None:
    trainer = tiny_trainer(loss=loss)
    mine, other = trainer.discriminator, trainer.generator
    optimizer = trainer.optimizer_g
    if network == "G":
        mine, other, optimizer = other, mine, trainer.optimizer_d
    before_mine = [copied(layer) for layer in mine]
    before_other = [parameter.detach().clone() for parameter in other.parameters()]
    trainer.update(network)
    for layer, before in zip(mine, before_mine, strict=True):
        assert not before or not same(copied(layer), before)  # every layer with weights changes
    assert same([parameter.detach() for parameter in other.parameters()], before_other)
    assert all(parameter.grad is None for parameter in other.parameters())
    assert not optimizer.state
    assert all(parameter.requires_grad for parameter in other.parameters())


def test_an_update_keeps_the_other_networks_gradients() -> None:
    trainer = tiny_trainer()
    trainer.step()
    for network, other in (("D", trainer.generator), ("G", trainer.discriminator)):
        before = [parameter.grad.clone() for parameter in other.parameters() if parameter.grad is not None]
        trainer.update(network)  # type: ignore[arg-type]
        assert same(before, [parameter.grad for parameter in other.parameters()])


def test_walking_an_unknown_network_raises_value_error() -> None:
    with pytest.raises(ValueError, match=r"network = 'X' is not possible; it should be 'D' or 'G'\."):
        tiny_trainer().walk("X")  # type: ignore[arg-type]


# One iteration ---------------------------------------------------------------------------------------------

SEQUENCES = {
    ("d_first", 1, 2): "DGG",
    ("d_first", 3, 1): "DDDG",
    ("g_first", 1, 2): "GGD",
    ("g_first", 2, 2): "GGDD",
}


@pytest.mark.parametrize(("order", "d_steps", "g_steps"), SEQUENCES)
def test_an_iteration_does_its_updates_in_the_configured_order(order: Any, d_steps: int, g_steps: int) -> None:
    trainer = Recorded(tiny(update_order=order, d_steps=d_steps, g_steps=g_steps), points())
    trainer.step()
    updates = "".join(network for network, name, _ in trainer.seen if name == "update")
    assert updates == SEQUENCES[order, d_steps, g_steps]
    assert trainer.updates == {"D": d_steps, "G": g_steps}
    assert trainer.iteration == 1


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (1, 3), (3, 2)])
def test_simultaneous_takes_both_gradients_before_either_steps(d_steps: int, g_steps: int) -> None:
    trainer = Recorded(tiny(update_order="simultaneous", d_steps=d_steps, g_steps=g_steps), points())
    trainer.step()
    moments = [network + name[0] for network, name, _ in trainer.seen if name in ("gradients", "update")]
    expected = []
    for turn in range(3):
        active = [network for network, steps in (("D", d_steps), ("G", g_steps)) if turn < steps]
        expected += [network + "g" for network in active] + [network + "u" for network in active]
    assert moments == expected


def test_metrics_are_float32_scalars_without_gradient() -> None:
    metrics = tiny_trainer().step()
    assert isinstance(metrics, Metrics)
    assert metrics._fields == COLUMNS
    for value in metrics:
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert not value.requires_grad


def test_learning_rate_0_freezes_a_network() -> None:
    trainer = tiny_trainer(learning_rate_d=0.0)
    before_d, before_g = copied(trainer.discriminator), copied(trainer.generator)
    for _ in range(3):
        trainer.step()
    assert same(copied(trainer.discriminator), before_d)
    assert not same(copied(trainer.generator), before_g)


@pytest.mark.parametrize("device", DEVICES)
def test_bfloat16_rounds_products_and_keeps_weights_in_float32(device: str) -> None:
    settings = both(device=device, generator_hidden=(64,), discriminator_hidden=(64,))
    coarse, fine = (tiny_trainer(**settings, precision=precision) for precision in ("bfloat16", "float32"))
    assert same(copied(coarse.generator), copied(fine.generator))
    first_coarse, first_fine = torch.stack(list(coarse.step())), torch.stack(list(fine.step()))
    torch.testing.assert_close(first_coarse, first_fine, rtol=0.1, atol=0.02)
    assert not torch.equal(first_coarse, first_fine)
    for _ in range(20):
        assert torch.stack(list(coarse.step())).isfinite().all()
    for value in (*coarse.generator.parameters(), *coarse.discriminator.parameters()):
        assert value.dtype == torch.float32
        assert value.isfinite().all()


# Refused settings ------------------------------------------------------------------------------------------


def test_a_batch_larger_than_the_dataset_raises_data_error() -> None:
    with pytest.raises(
        DataError,
        match=r"^Batch size = 45 is not possible; it should be from 2 to 44, the number of samples of Points\.$",
    ):
        tiny_trainer(batch_size=45)
    trainer = tiny_trainer(batch_size=44)
    trainer.step()
    trainer.step()
    assert trainer.sampler.epoch == 1


def test_an_unknown_dataset_raises_data_error() -> None:
    with pytest.raises(DataError, match=r"^Dataset = 'nothing' is not possible"):
        Trainer(tiny(dataset="nothing"))


def test_a_missing_device_raises_device_unavailable() -> None:
    with pytest.raises(
        DeviceUnavailable, match=r"^Device = 'cuda:99' is not possible; it should be one of 'auto', .*'cpu', as this "
    ):
        tiny_trainer(device="cuda:99")  # no test machine has a hundred GPUs


# Reconfigured runs ----------------------------------------------------------------------------------------

OTHER: dict[str, Any] = {  # for each setting a value other than that of ``tiny()``
    "dataset": "others", "latent_dim": 5, "generator_hidden": (17,), "leaky_slope": 0.3,
    "discriminator_hidden": (17,), "generator_batch_norm": False, "discriminator_batch_norm": True,
    "batch_norm_momentum": 0.1, "batch_norm_position": "before_activation", "batch_size": 4, "d_steps": 3,
    "g_steps": 1, "update_order": "g_first", "loss": "wasserstein_gp", "gradient_penalty": 3.0, "optimizer_g": "sgd",
    "optimizer_d": "sgd", "learning_rate_g": 0.01, "learning_rate_d": 0.02, "adam_beta1": 0.8, "adam_beta2": 0.9,
    "classes": (1,), "drawing": "A", "own_data": "0123456789abcdef", "picture_size": 8, "noise": "uniform",
    "sgd_momentum": 0.5, "seed": 1, "device": "auto", "precision": "bfloat16",
}  # fmt: skip
LIVE = [setting.name for setting in GANConfig.settings() if setting.live]
FIXED = [setting.name for setting in GANConfig.settings() if not setting.live]


@pytest.mark.parametrize("name", FIXED)
def test_a_fixed_setting_cannot_change_while_training(name: str) -> None:
    trainer = tiny_trainer()
    trainer.step()
    before, config = everything(trainer), trainer.config
    with pytest.raises(
        ValueError,
        match=rf"^{re.escape(GANConfig.setting(name).label)} cannot change while training\. Begin a new run to apply it\.$",
    ):
        trainer.reconfigure(config.replace(**{name: OTHER[name], "learning_rate_g": 0.5}))
    assert trainer.config is config
    assert same(everything(trainer), before)
    assert trainer.optimizer_g.param_groups[0]["lr"] == config.learning_rate_g


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("base", [{}, {"optimizer_g": "sgd", "optimizer_d": "sgd"}, {"loss": "wasserstein_gp"}])
def test_a_live_setting_applies_from_the_next_update(name: str, base: dict[str, Any]) -> None:
    """A run reconfigured before its first update equals one created with the new setting."""
    config = tiny(**both(**base))
    change = {name: OTHER[name] if getattr(config, name) != OTHER[name] else "bce"}
    changed, begun = Trainer(config, points()), Trainer(config.replace(**change), points())
    changed.reconfigure(config.replace(**change))
    for _ in range(3):
        assert same(list(changed.step()), list(begun.step()))
    assert same(everything(changed), everything(begun))


def test_a_change_of_settings_keeps_the_optimisers_state() -> None:
    trainer = tiny_trainer()
    trainer.step()
    before = everything(trainer)["optimizer_g"]["state"]
    trainer.reconfigure(trainer.config.replace(learning_rate_g=0.01, adam_beta1=0.9, leaky_slope=0.1))
    assert same(everything(trainer)["optimizer_g"]["state"], before)
    (group,) = trainer.optimizer_g.param_groups
    assert (group["lr"], tuple(group["betas"])) == (0.01, (0.9, 0.999))
    assert trainer.optimizer_d.param_groups[0]["lr"] == trainer.config.learning_rate_d


# Saved runs ------------------------------------------------------------------------------------------------

RUNS: list[dict[str, Any]] = [
    *({"update_order": order} for order in ORDERS),
    *({"update_order": order, "optimizer_g": "sgd", "optimizer_d": "sgd"} for order in ORDERS),
    {"sgd_momentum": 0.9, "optimizer_d": "sgd"},
    {"loss": "wasserstein_gp", "d_steps": 3, "g_steps": 1},
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: "-".join(map(str, run.values())))
def test_a_loaded_run_continues_bit_for_bit(run: dict[str, Any], device: str) -> None:
    trainer, other = tiny_trainer(**both(**run, device=device)), tiny_trainer(**both(**run, device=device))
    for _ in range(7):
        trainer.step()
    assert trainer.sampler.epoch > 0
    assert trainer.sampler.position not in (0, trainer.dataset.count)
    for _ in range(2):  # the other run's own iterations must not matter
        other.step()
    other.load_state_dict(everything(trainer))
    assert (other.iteration, other.updates) == (trainer.iteration, trainer.updates)
    for _ in range(9):
        assert same(list(trainer.step()), list(other.step()))
    assert same(everything(trainer), everything(other))


def test_training_does_not_change_a_saved_state() -> None:
    """Neither the saved run nor one that loads the state writes into it."""
    trainer, other = tiny_trainer(**both()), tiny_trainer(**both())
    for _ in range(3):
        trainer.step()
    state, then = trainer.state_dict(), everything(trainer)
    trainer.step()
    assert same(state, then)
    other.load_state_dict(state)
    other.step()
    assert same(state, then)
    assert same(everything(trainer), everything(other))
    trainer.load_state_dict(state)
    assert same(everything(trainer), then)


def test_loading_a_state_applies_its_live_settings() -> None:
    trainer, other = tiny_trainer(learning_rate_g=0.01, leaky_slope=0.4), tiny_trainer()
    other.load_state_dict(everything(trainer))
    assert other.config == trainer.config
    assert same(list(other.step()), list(trainer.step()))


def test_loading_a_state_of_other_networks_raises_and_changes_nothing() -> None:
    trainer = tiny_trainer()
    before = everything(trainer)
    with pytest.raises(ValueError, match=r"^Noise size \(latent_dim\), Seed cannot change while training"):
        trainer.load_state_dict(everything(tiny_trainer(latent_dim=5, seed=1)))
    assert same(everything(trainer), before)
