"""A trained generator to take home: weights with their settings, and the code that uses them."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.config import GANConfig

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer

GENERATOR_FILE = "generator.safetensors"
DISCRIMINATOR_FILE = "discriminator.safetensors"


def save_networks(folder: Path, trainer: "Trainer") -> None:
    """Write both networks as safetensors, config and iteration in the metadata.

    Each file is complete or absent: it is written beside its place and then moved there. OSError if that fails.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    metadata = {"format": "pt", "config": trainer.config.to_json(), "iteration": str(trainer.iteration)}
    for name, network in ((GENERATOR_FILE, trainer.generator), (DISCRIMINATOR_FILE, trainer.discriminator)):
        tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
        partial = _partial(folder / name)
        try:
            save_file(tensors, partial, metadata)  # without the whole of it in memory once more
        except SafetensorError as error:
            raise OSError(f"{name} could not be written to {folder}: {error}") from error
        os.replace(partial, folder / name)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` so that a reader never sees half of it."""
    partial = _partial(path)
    partial.write_bytes(data)
    os.replace(partial, path)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def read_metadata(data: bytes) -> Mapping[str, str]:
    """The metadata of a safetensors file: its first 8 bytes are the length of a JSON header."""
    length = int.from_bytes(data[:8], "little")
    metadata: Mapping[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return metadata


def as_torch_file(data: bytes) -> bytes:
    """A safetensors file → a file for ``torch.load(..., weights_only=True)``.

    The result is a dict: "generator" the state dict, "config" the settings as JSON text, "iteration".
    """
    import torch
    from safetensors.torch import load

    metadata = read_metadata(data)
    content: dict[str, Any] = {
        "generator": load(data),
        "config": metadata["config"],
        "iteration": int(metadata["iteration"]),
    }
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def generator_snippet(config: GANConfig, shape: tuple[int, ...], sample_seed: int, count: int) -> str:
    """Plain PyTorch that loads the downloaded generator and makes the page's own pictures, in five statements."""
    norm = f"nn.BatchNorm1d({{}}, momentum={config.batch_norm_momentum})"
    after = config.batch_norm_position == "after_activation"
    lines, inputs = [], config.latent_dim
    for width in config.generator_hidden:
        layers = [f"nn.Linear({inputs}, {width})", f"nn.LeakyReLU({config.leaky_slope})"]
        if config.generator_batch_norm:
            layers.insert(2 if after else 1, norm.format(width))
        lines.append("    " + ", ".join(layers) + ",")
        inputs = width
    features = 1
    for side in shape:
        features *= side
    lines.append(f"    nn.Linear({inputs}, {features}), nn.Tanh(),")
    size = ", ".join(str(side) for side in shape)
    drawn = f"({count}, {config.latent_dim}, generator=torch.Generator().manual_seed({sample_seed}))"
    noise = f"torch.randn{drawn}" if config.noise == "normal" else f"torch.rand{drawn} * 2 - 1"
    made = "pictures" if len(shape) > 1 else "points"
    return "\n".join(
        [
            "import torch; from torch import nn; from safetensors.torch import load_file",
            "generator = nn.Sequential(",
            *lines,
            ")",
            f'generator.load_state_dict(load_file("{GENERATOR_FILE}"))',
            f"noise = {noise}",
            f"{made} = generator.eval()(noise).detach().reshape(-1, {size})  # values from -1 to 1",
        ]
    )
