"""The weights of trained networks as files, with the settings they were trained with."""

import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.files import write_atomically

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer

GENERATOR_FILE = "generator.safetensors"
DISCRIMINATOR_FILE = "discriminator.safetensors"


def save_networks(folder: Path, trainer: "Trainer") -> None:
    """Write both networks as safetensors, with config and iteration in the metadata.

    Each file is written atomically. OSError if the disk does not take it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    metadata = {"format": "pt", "config": trainer.config.to_json(), "iteration": str(trainer.iteration)}
    for name, network in ((GENERATOR_FILE, trainer.generator), (DISCRIMINATOR_FILE, trainer.discriminator)):
        tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
        try:
            # To a path, as serializing to bytes would copy all weights in memory.
            write_atomically(folder / name, partial(save_file, tensors, metadata=metadata))
        except SafetensorError as error:
            raise OSError(f"{name} could not be written to {folder}: {error}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    write_atomically(path, lambda beside: beside.write_bytes(data))


def read_metadata(data: bytes) -> Mapping[str, str]:
    """Return the metadata of a safetensors file, whose first 8 bytes are the length of a JSON header."""
    length = int.from_bytes(data[:8], "little")
    metadata: Mapping[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return metadata


def as_torch_file(data: bytes) -> bytes:
    """Convert a safetensors file to one for ``torch.load(..., weights_only=True)``.

    That returns a dict: "generator" is the state dict, "config" the settings as JSON text, "iteration" a number.
    """
    import torch
    from safetensors.torch import load

    metadata = read_metadata(data)
    file = io.BytesIO()
    torch.save({"generator": load(data), "config": metadata["config"], "iteration": int(metadata["iteration"])}, file)
    return file.getvalue()
