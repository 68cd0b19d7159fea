"""The weights of trained networks as files, with the settings they were trained with."""

import io
import json
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
        write_atomically(folder / name, partial(_write, tensors, metadata))


def _write(tensors: Mapping[str, "Tensor"], metadata: Mapping[str, str], path: Path) -> None:
    """Write a safetensors file: its own library orders the metadata by chance.

    Source: the format's description in the README of safetensors. A little-endian uint64 N, a JSON header of N bytes, and
    the tensors' bytes; the header lists them in the given order, the bytes begin with the largest numbers, which are then
    aligned.
    """
    import torch

    types = {
        torch.float64: "F64",
        torch.int64: "I64",
        torch.float32: "F32",
        torch.float16: "F16",
        torch.bfloat16: "BF16",
    }
    places, end = {}, 0
    aligned = sorted(tensors.values(), key=lambda tensor: -tensor.itemsize)
    for tensor in aligned:
        places[tensor] = [end, end + tensor.nbytes]
        end += tensor.nbytes
    listed = {
        name: {"dtype": types[tensor.dtype], "shape": list(tensor.shape), "data_offsets": places[tensor]}
        for name, tensor in tensors.items()
    }
    header = json.dumps({"__metadata__": metadata, **listed}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for tensor in aligned:  # one by one: all weights together would be copied in memory
            file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)


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
