"""The trainer gives the same results as the lecture's loop, written here in plain PyTorch."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_core import GANConfig
from gan_core.data import load_dataset
from tests.gan_core.support import DEVICES, Recorded

Draws = Iterator[dict[str, Tensor]]


class Lecture:
    """The lecture's loop; from gan_core it takes only initial weights, batches and noise."""

    def __init__(self, latent_dim: int, hidden_g: tuple[int, ...], hidden_d: tuple[int, ...], batch: int) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in zip((latent_dim, *hidden_g), hidden_g, strict=False):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2), nn.BatchNorm1d(outputs, momentum=0.7)]
        self.G = nn.Sequential(*layers, nn.Linear(hidden_g[-1], 784), nn.Tanh())
        layers = []
        for inputs, outputs in zip((784, *hidden_d), hidden_d, strict=False):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
        self.D = nn.Sequential(*layers, nn.Linear(hidden_d[-1], 1))
        self.criterion = nn.BCEWithLogitsLoss()
        self.ones, self.zeros = torch.ones(batch, 1), torch.zeros(batch, 1)

    def start_from(self, trainer: Recorded) -> None:
        self.G.load_state_dict(copy.deepcopy(trainer.generator.state_dict()))
        self.D.load_state_dict(copy.deepcopy(trainer.discriminator.state_dict()))
        self.G.to(trainer.device)
        self.D.to(trainer.device)
        self.ones, self.zeros = self.ones.to(trainer.device), self.zeros.to(trainer.device)
        self.adam_g = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.adam_d = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def loss_d(self, draw: dict[str, Tensor]) -> Tensor:
        fake = self.G(draw["noise"])
        loss_real = self.criterion(self.D(draw["real"]), self.ones)
        loss_fake = self.criterion(self.D(fake.detach()), self.zeros)
        return (loss_real + loss_fake) / 2  # type: ignore[no-any-return]

    def loss_g(self, draw: dict[str, Tensor]) -> Tensor:
        return self.criterion(self.D(self.G(draw["noise"])), self.ones)  # type: ignore[no-any-return]

    def block_d(self, draw: dict[str, Tensor]) -> float:
        loss = self.loss_d(draw)
        self.adam_d.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam_d.step()
        return loss.item()

    def block_g(self, draw: dict[str, Tensor]) -> float:
        loss = self.loss_g(draw)
        self.adam_g.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam_g.step()
        return loss.item()

    def both(self, draw_d: dict[str, Tensor], draw_g: dict[str, Tensor]) -> tuple[float, float]:
        """Take both gradients at the same weights, then both steps."""
        loss_d, loss_g = self.loss_d(draw_d), self.loss_g(draw_g)
        gradients_d = torch.autograd.grad(loss_d, list(self.D.parameters()))
        gradients_g = torch.autograd.grad(loss_g, list(self.G.parameters()))
        for network, gradients in ((self.D, gradients_d), (self.G, gradients_g)):
            for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                parameter.grad = gradient
        self.adam_d.step()
        self.adam_g.step()
        return loss_d.item(), loss_g.item()

    def iteration(self, order: str, g_steps: int, d: Draws, g: Draws) -> tuple[float, float]:
        """Train one iteration with one D step; return loss_d and the last G step's loss_g."""
        if order == "d_first":
            loss_d = self.block_d(next(d))
            return loss_d, [self.block_g(next(g)) for _ in range(g_steps)][-1]
        if order == "g_first":
            loss_g = [self.block_g(next(g)) for _ in range(g_steps)][-1]
            return self.block_d(next(d)), loss_g
        loss_d, loss_g = self.both(next(d), next(g))
        return loss_d, [loss_g, *(self.block_g(next(g)) for _ in range(g_steps - 1))][-1]


def check_equal(config: GANConfig, iterations: int) -> None:
    trainer = Recorded(config, load_dataset(GANConfig(dataset="digits")))
    lecture = Lecture(config.latent_dim, config.generator_hidden, config.discriminator_hidden, config.batch_size)
    lecture.start_from(trainer)
    ours = [(float(metrics.loss_d), float(metrics.loss_g)) for metrics in (trainer.step() for _ in range(iterations))]
    draws = iter(trainer.drawn("D")), iter(trainer.drawn("G"))
    # In the same arithmetic: Adam takes a full step even along a gradient that is only rounding error.
    with trainer.arithmetic.products():
        theirs = [lecture.iteration(config.update_order, config.g_steps, *draws) for _ in range(iterations)]
    assert all(next(draw, None) is None for draw in draws)  # both drew equally often

    torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs), rtol=1e-4, atol=1e-5)
    for mine, plain in ((trainer.generator, lecture.G), (trainer.discriminator, lecture.D)):
        torch.testing.assert_close(dict(mine.state_dict()), dict(plain.state_dict()), rtol=1e-3, atol=1e-5)
    assert max(abs(first - last) for first, last in zip(ours[0], ours[-1], strict=True)) > 1e-3  # the losses changed


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("g_steps", [1, 3])
@pytest.mark.parametrize("order", ["d_first", "g_first", "simultaneous"])
def test_losses_and_weights_equal_the_plain_loops(order: Any, g_steps: int, device: str) -> None:
    config = GANConfig(
        latent_dim=16, generator_hidden=(24, 32, 48), discriminator_hidden=(32, 16), batch_size=32,
        update_order=order, g_steps=g_steps, device=device,
    )  # fmt: skip
    check_equal(config, 50)


@pytest.mark.parametrize("device", DEVICES)
def test_losses_and_weights_equal_the_plain_loops_at_the_lectures_size(device: str) -> None:
    check_equal(GANConfig(device=device), 4)


@pytest.mark.parametrize(("network", "batches"), [("D", [{"real", "noise"}]), ("G", [{"noise"}])])
def test_an_update_of_d_draws_real_samples_and_noise_and_one_of_g_draws_noise(
    network: Any, batches: list[set[str]]
) -> None:
    trainer = Recorded(GANConfig(device="cpu"), load_dataset(GANConfig(dataset="digits")))
    trainer.update(network)
    assert [set(draw) for draw in trainer.drawn(network)] == batches
    (draw,) = trainer.drawn(network)
    assert draw["noise"].shape == (128, 100)
    if network == "D":
        digits = load_dataset(GANConfig(dataset="digits")).samples
        assert draw["real"].shape == (128, 784)
        assert all((digits == sample).all(1).any() for sample in draw["real"][:8])


def test_noise_is_standard_normal_by_default() -> None:
    trainer = Recorded(GANConfig(device="cpu", latent_dim=1000, generator_hidden=(2,), discriminator_hidden=(2,)))
    trainer.update("G")
    (draw,) = trainer.drawn("G")
    assert abs(draw["noise"].mean()) < 0.02
    assert abs(draw["noise"].std() - 1) < 0.02


def test_default_optimisers_are_the_lectures() -> None:
    trainer = Recorded(GANConfig(device="cpu"))
    for optimizer, network in (
        (trainer.optimizer_g, trainer.generator),
        (trainer.optimizer_d, trainer.discriminator),
    ):
        assert type(optimizer) is torch.optim.Adam
        (group,) = optimizer.param_groups
        assert (group["lr"], tuple(group["betas"]), group["eps"]) == (2e-4, (0.5, 0.999), 1e-8)
        assert (group["weight_decay"], group["amsgrad"], group["maximize"]) == (0, False, False)
        owned, parameters = [id(p) for p in group["params"]], [id(p) for p in network.parameters()]
        assert owned == parameters  # exactly this network's parameters


def test_a_step_does_not_replace_or_change_the_targets() -> None:
    trainer = Recorded(GANConfig(device="cpu"))
    ones, zeros = trainer.ones, trainer.zeros
    assert torch.equal(ones, torch.ones(128, 1))
    assert torch.equal(zeros, torch.zeros(128, 1))
    trainer.step()
    assert trainer.ones is ones
    assert trainer.zeros is zeros
    assert torch.equal(ones, torch.ones(128, 1))
    assert torch.equal(zeros, torch.zeros(128, 1))
