"""The weights of trained networks as files, with the settings they were trained with."""

import io
import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from gan_core.export.tensor_file import write_tensors
from gan_core.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

    from gan_core.training.trainer import Trainer

GENERATOR_FILE = "generator.safetensors"
TORCH_FILE = "generator.pt"
DISCRIMINATOR_FILE = "discriminator.safetensors"


def save_networks(folder: Path, trainer: "Trainer") -> None:
    """Write both networks as safetensors, with config and iteration in the metadata: the same run gives the same bytes.

    Each file is written atomically. OSError if the disk does not take it.
    """
    metadata = {"format": "pt", "config": trainer.config.to_json(), "iteration": str(trainer.iteration)}
    for name, network in ((GENERATOR_FILE, trainer.generator), (DISCRIMINATOR_FILE, trainer.discriminator)):
        arrays = {key: _array(value.detach().cpu()) for key, value in network.state_dict().items()}
        write_tensors(folder / name, arrays, metadata)


def _array(tensor: "Tensor") -> NDArray[Any]:
    """Return the same numbers; of bfloat16 the bits."""
    import torch

    array: NDArray[Any] = (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    write_atomically(path, lambda beside: beside.write_bytes(data))


def read_metadata(data: bytes) -> Mapping[str, str]:
    """Return the metadata of a safetensors file."""
    metadata: Mapping[str, str] = _header(data).get("__metadata__", {})
    return metadata


def _header(data: bytes) -> dict[str, Any]:
    """Return the JSON header of a safetensors file, whose length is its first 8 bytes."""
    header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header


def as_torch_file(data: bytes) -> bytes:
    """Convert a safetensors file to one for ``generator.load_state_dict(torch.load(…))``; same bytes, same result.

    ``torch.load`` returns the state dict. Its attribute ``config`` is the settings as JSON text, ``iteration`` a number.
    """
    import torch
    from safetensors.torch import load

    tensors, header = load(data), _header(data)
    state = OrderedDict((name, tensors[name]) for name in header if name in tensors)
    # Attributes of an ordered dict are what PyTorch itself saves with a state dict, and loads with weights_only.
    vars(state).update(config=header["__metadata__"]["config"], iteration=int(header["__metadata__"]["iteration"]))
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()
