"""What a snapshot shows of a trainer."""

from typing import Any

from gan_core.device import available_devices, device_words
from gan_core.training.threads import describe_threads
from gan_core.training.trainer import Trainer


def show_trainer(trainer: Trainer, threads: int) -> dict[str, Any]:
    """Return the fields of a snapshot that follow from the trainer, and from how many threads PyTorch uses."""
    computing = (trainer.arithmetic.description, trainer.engine.description, describe_threads(threads))
    return {
        "config": trainer.config,
        "iteration": trainer.iteration,
        "epoch": trainer.sampler.epoch,
        "updates_d": trainer.updates["D"],
        "updates_g": trainer.updates["G"],
        "device": device_words(trainer.device),
        "precision": str(trainer.arithmetic.dtype).removeprefix("torch."),
        "computing": " ".join(computing),
        "devices": available_devices(),
        "dataset_title": trainer.dataset.title,
        "dataset_count": trainer.dataset.count,
        "shape": trainer.dataset.shape,
    }
