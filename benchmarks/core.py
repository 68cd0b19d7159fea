"""Speed of the lecture's GAN and of small networks on 2-D data, on the CPU."""

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from benchmarks import lecture, products
from benchmarks.figures import Figure
from benchmarks.turns import Candidate, alternate, ratio
from gan_core.config import GANConfig
from gan_core.metrics import COLUMNS
from gan_core.training.arithmetic import onednn, onednn_computes_in_float32
from gan_core.training.engines import AutogradEngine
from gan_core.training.threads import use_threads
from gan_core.training.trainer import Trainer

LECTURE = GANConfig(device="cpu")
POINTS = GANConfig(
    device="cpu", dataset="eight_gaussians", latent_dim=2, generator_hidden=(16, 16), discriminator_hidden=(16, 16),
    generator_batch_norm=False, batch_size=150, d_steps=1, g_steps=1,
)  # fmt: skip


def iteration(config: GANConfig, by_autograd: bool = False) -> Candidate:
    """Return one iteration with all its metrics, by the engine that the trainer chooses or by autograd."""
    trainer = Trainer(config, make_engine=lambda gan: AutogradEngine()) if by_autograd else Trainer(config)
    row = torch.empty(len(COLUMNS))
    return lambda: trainer.step_into(row)


def lecture_figures(seconds: float = 0.4, rounds: int = 15) -> list[Figure]:
    """Measure with PyTorch's default number of threads. Only exact libraries count as the limit of float32."""
    listed = products.products(LECTURE, 784)
    libraries: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "MKL": nullcontext,
        **({"oneDNN": onednn} if onednn_computes_in_float32() else {}),
    }
    rates = alternate(
        {
            "loop": lecture.loop_on_digits(LECTURE).iterate,
            "float32": iteration(LECTURE),
            "bfloat16": iteration(LECTURE.replace(precision="bfloat16")),
            "autograd": iteration(LECTURE, by_autograd=True),
            **{name: products.multiplication(listed, library, torch.float32) for name, library in libraries.items()},
            "bfloat16 products": products.multiplication(listed, nullcontext, torch.bfloat16),
        },
        seconds,
        rounds,
    )
    limit = max(libraries, key=lambda library: statistics.median(rates[library]))
    threads = f"{torch.get_num_threads()} threads"
    work = f"its {len(listed)} matrix products ({sum(product.gigaflop for product in listed):.1f} GFLOP) alone"
    loop = f"the lecture's loop, {statistics.median(rates['loop']):.1f} it/s"
    return [
        Figure(
            f"Lecture's GAN, float32, {threads}, of the machine's limit",
            f"{work}, {limit}, {statistics.median(rates[limit]):.0f} it/s", ratio(rates, "float32", limit), "%", 0.75,
        ),
        Figure("… by the loop", loop, ratio(rates, "float32", "loop")),
        Figure("… manual by autograd", "the same run by autograd", ratio(rates, "float32", "autograd")),
        Figure(
            "Lecture's GAN, bfloat16, of the machine's limit",
            f"{work}, {statistics.median(rates['bfloat16 products']):.0f} it/s",
            ratio(rates, "bfloat16", "bfloat16 products"), "%", 0.50,
        ),
        Figure("… by the loop", loop, ratio(rates, "bfloat16", "loop")),
    ]  # fmt: skip


def points_figures(seconds: float = 0.3, rounds: int = 9) -> list[Figure]:
    """Measure with one thread: these products are too small for more."""
    with use_threads(1):
        rates = alternate(
            {
                "eager": lecture.loop_on_points(POINTS).iterate,
                "manual": iteration(POINTS),
                "autograd": iteration(POINTS, by_autograd=True),
            },
            seconds,
            rounds,
        )
    eager = f"plain eager PyTorch without metrics, {statistics.median(rates['eager']):,.0f} it/s"
    return [
        Figure("2-D data, 2-16-16-2, batch 150, one thread", eager, ratio(rates, "manual", "eager"), bar=5.0),
        Figure("… manual by autograd", "the same run by autograd", ratio(rates, "manual", "autograd")),
    ]
