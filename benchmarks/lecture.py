"""The peer: the lecture's loop as in its notebook, and the same loop on 2-D data."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from gan_core.architecture import layers
from gan_core.config import GANConfig, Network
from gan_core.data import load_dataset
from gan_core.data.import_torchvision import import_torchvision


class ImageDataset(TorchDataset[Any]):
    """Images as in torchvision's MNIST: each item is a PIL image after a transform."""

    def __init__(self, images: Tensor, transform: Callable[[Image.Image], Tensor]) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index].numpy())), 0


def loader(config: GANConfig) -> DataLoader[Any]:
    """Return the lecture's DataLoader with the bundled digits as bytes."""
    samples = load_dataset(config).samples
    images = ((samples + 1) * 127.5).round().to(torch.uint8).view(-1, 28, 28)
    transforms = import_torchvision().transforms
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    return DataLoader(ImageDataset(images, transform), batch_size=config.batch_size, shuffle=True, drop_last=True)


def network(config: GANConfig, name: Network, features: int) -> nn.Sequential:
    """Return a network made by the PyTorch code of its layers, as a learner would type it."""
    return nn.Sequential(*(eval(layer.code, {"nn": nn}) for layer in layers(config, name, features)))


class Loop:
    """The lecture's training loop over ``batches`` of real samples ``[batch, features]``."""

    def __init__(self, config: GANConfig, features: int, batches: Iterator[Tensor]) -> None:
        self.config, self.batches = config, batches
        self.G, self.D = network(config, "G", features), network(config, "D", features)
        betas = (config.adam_beta1, config.adam_beta2)
        self.adam_g = torch.optim.Adam(self.G.parameters(), lr=config.learning_rate_g, betas=betas)
        self.adam_d = torch.optim.Adam(self.D.parameters(), lr=config.learning_rate_d, betas=betas)
        self.criterion = nn.BCEWithLogitsLoss()
        self.ones, self.zeros = torch.ones(config.batch_size, 1), torch.zeros(config.batch_size, 1)
        self.losses: list[tuple[float, float]] = []

    def iterate(self) -> None:
        for _ in range(self.config.d_steps):
            fake = self.G(self.noise())
            loss_real = self.criterion(self.D(next(self.batches)), self.ones)
            loss_d = (loss_real + self.criterion(self.D(fake.detach()), self.zeros)) / 2
            self.adam_d.zero_grad()
            loss_d.backward()
            self.adam_d.step()
        for _ in range(self.config.g_steps):
            loss_g = self.criterion(self.D(self.G(self.noise())), self.ones)
            self.adam_g.zero_grad()
            loss_g.backward()
            self.adam_g.step()
        self.losses.append((loss_d.item(), loss_g.item()))

    def noise(self) -> Tensor:
        return torch.randn(self.config.batch_size, self.config.latent_dim)


def loop_on_digits(config: GANConfig) -> Loop:
    """Return the loop on images from the DataLoader."""
    batches_of_images = loader(config)

    def batches() -> Iterator[Tensor]:
        while True:
            for batch, _ in batches_of_images:
                yield batch.view(config.batch_size, -1)

    return Loop(config, 784, batches())


def loop_on_points(config: GANConfig) -> Loop:
    """Return the loop on points from a tensor in memory."""
    samples = load_dataset(config).samples
    used = len(samples) // config.batch_size * config.batch_size

    def batches() -> Iterator[Tensor]:
        while True:
            for indices in torch.split(torch.randperm(len(samples))[:used], config.batch_size):
                yield samples[indices]

    return Loop(config, 2, batches())
