"""An iteration of the lecture's GAN and of the plane's small networks, on the CPU."""

import statistics
from contextlib import nullcontext

import torch

from benchmarks import lecture, products
from benchmarks.figures import Figure
from benchmarks.turns import Contestant, alternate, ratio
from gan_core.config import GANConfig
from gan_core.metrics import COLUMNS
from gan_core.training.arithmetic import onednn
from gan_core.training.trainer import Trainer

LECTURE = GANConfig(device="cpu")
PLANE = GANConfig(
    device="cpu", dataset="eight_gaussians", latent_dim=2, generator_hidden=(16, 16), discriminator_hidden=(16, 16),
    generator_batch_norm=False, batch_size=150, d_steps=1, g_steps=1,
)  # fmt: skip


def of(trainer: Trainer) -> Contestant:
    """One iteration of it, with all its metrics."""
    row = torch.empty(len(COLUMNS))
    return lambda: trainer.step_into(row)


class General(Trainer):
    """The general path, autograd's, for every setting."""

    def _by_hand(self) -> None:
        return None


def lectures_gan(seconds: float = 0.4, rounds: int = 15) -> list[Figure]:
    """With PyTorch's default number of threads for all."""
    updates = products.products(LECTURE, 784)
    measured = updates + products.measuring(LECTURE, 784)
    rates = alternate(
        {
            "loop": lecture.of_loader(LECTURE).iterate,
            "float32": of(Trainer(LECTURE)),
            "bfloat16": of(Trainer(LECTURE.replace(precision="bfloat16"))),
            "autograd": of(General(LECTURE)),
            "MKL": products.alone(measured, nullcontext, torch.float32),
            "oneDNN": products.alone(measured, onednn, torch.float32),
            "updates": products.alone(updates, onednn, torch.float32),
        },
        seconds,
        rounds,
    )
    limit = max(("MKL", "oneDNN"), key=lambda library: statistics.median(rates[library]))
    loop = f"the lecture's loop, {statistics.median(rates['loop']):.1f} it/s"
    work = sum(product.gigaflop for product in measured)
    return [
        Figure(f"Lecture's GAN, float32, {torch.get_num_threads()} threads", loop, ratio(rates, "float32", "loop"), bar=2.2),
        Figure(
            "… of the machine's limit",
            f"its {len(measured)} matrix products ({work:.1f} GFLOP) alone, {limit}",
            ratio(rates, "float32", limit), "%", 0.68,
        ),
        Figure(
            "… of the updates' limit",
            f"the {len(updates)} of them that are not for D(G(z)) after G's step, oneDNN",
            ratio(rates, "float32", "updates"), "%",
        ),
        Figure("… bfloat16", loop, ratio(rates, "bfloat16", "loop"), bar=3.0),
        Figure("… by hand", "the same run by autograd", ratio(rates, "float32", "autograd")),
    ]  # fmt: skip


def plane(seconds: float = 0.3, rounds: int = 9) -> list[Figure]:
    """With one thread for all: these products are too small for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rates = alternate(
        {
            "eager": lecture.of_points(PLANE).iterate,
            "by hand": of(Trainer(PLANE)),
            "autograd": of(General(PLANE)),
        },
        seconds,
        rounds,
    )
    torch.set_num_threads(threads)
    eager = f"plain eager PyTorch without metrics, {statistics.median(rates['eager']):,.0f} it/s"
    return [
        Figure("Plane, 2-16-16-2, batch 150, one thread", eager, ratio(rates, "by hand", "eager"), bar=5.0),
        Figure("… by hand", "the same run by autograd", ratio(rates, "by hand", "autograd")),
    ]
