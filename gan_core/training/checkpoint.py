"""A trainer's whole state as arrays and JSON: what continues a run bit for bit, in a file that can hold no code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from gan_core.architecture import layers, state_shapes
from gan_core.config import GANConfig, explain
from gan_core.data.own.refusals import printable
from gan_core.export.tensor_file import write_tensors

if TYPE_CHECKING:
    from gan_core.training.trainer import Trainer

Arrays = dict[str, NDArray[Any]]
Table = Mapping[str, tuple[tuple[int, ...], str]]  # shape and dtype by name
Expected = dict[str, tuple[tuple[int, ...], str, bool]]

FORMAT = "gan-run-1"
RECORD = "record"  # the metadata's entry that holds everything but the arrays, as JSON
NETWORKS = ("generator", "discriminator")
MAX_NUMBER = 2**53  # iterations, updates or passes: no run comes that far
OPTIMIZERS = ("optimizer_g", "optimizer_d")


class CheckpointError(ValueError):
    """A file holds no state that a run could continue from; the message is fit for a page."""


@dataclass(frozen=True)
class Checkpoint:
    """``arrays`` by name, such as "generator.0.weight", and ``record``: the rest, which JSON can hold."""

    arrays: Arrays
    record: dict[str, Any]

    @classmethod
    def of(cls, trainer: "Trainer", copy: bool = True) -> Self:
        """Return the state of ``trainer``; without ``copy`` its arrays change with it, which suits an immediate ``write``."""
        sampler = trainer.sampler
        tensors = {"sampler.order": sampler.order, "sampler.generator": sampler.generator.get_state()}
        for name in NETWORKS:
            tensors |= {f"{name}.{key}": value for key, value in getattr(trainer, name).state_dict().items()}
        for name in OPTIMIZERS:
            for index, values in getattr(trainer, name).state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{key}": value for key, value in values.items() if value is not None}
        tensors |= {f"random.{name}": random.get_state() for name, random in trainer.random.items()}
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in sorted(tensors.items())}
        record = {
            "config": json.loads(trainer.config.to_json()),
            "iteration": trainer.iteration,
            "updates": dict(trainer.updates),
            "epoch": sampler.epoch,
            "position": sampler.position,
        }
        return cls({name: array.copy() for name, array in arrays.items()} if copy else arrays, record)

    @property
    def config(self) -> GANConfig:
        """The settings; CheckpointError if they are none."""
        try:
            return GANConfig.from_json(json.dumps(self.record["config"]))
        except ValidationError as error:
            raise CheckpointError(f"Its settings cannot be read: {' '.join(explain(error))}") from error
        except (KeyError, ValueError, RecursionError) as error:
            raise CheckpointError(f"Its settings cannot be read: {error}") from error

    @property
    def iteration(self) -> int:
        return int(self.record["iteration"])

    def write(self, path: Path, durable: bool = False) -> None:
        """Write this atomically as safetensors; the same state gives the same bytes. OSError if the disk does not take it.

        ``durable`` as in ``write_atomically``.
        """
        metadata = {"format": FORMAT, RECORD: json.dumps(self.record, allow_nan=False)}
        write_tensors(path, self.arrays, metadata, durable)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read what ``write`` has written; CheckpointError if ``data`` is something else, or damaged."""
        record = read_record(data)
        return cls(read_arrays(data), record)


def read_arrays(data: bytes) -> Arrays:
    """Return the arrays of a safetensors file; CheckpointError if it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: Arrays = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"It is damaged: {error}.") from error
    return arrays


def read_record(data: bytes) -> dict[str, Any]:
    """Return the record of a checkpoint whose first bytes, the header, ``data`` holds; CheckpointError if it is none."""
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header["__metadata__"]
        if metadata.get("format") != FORMAT:
            raise CheckpointError("It is not a run that this program has saved.")
        record = json.loads(metadata[RECORD])
        whole = isinstance(record, dict) and 0 <= record["iteration"] <= MAX_NUMBER
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError("It is not a run that this program has saved, or it is damaged.") from error
    if not whole:
        raise CheckpointError("It is damaged: its record is no record of a run.")
    return dict(record)


def read_header(path: Path) -> dict[str, Any]:
    """Return the record of the checkpoint at ``path`` without reading its arrays; OSError, CheckpointError."""
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if length > path.stat().st_size:
            raise CheckpointError("It is not a run that this program has saved, or it is damaged.")
        return read_record(start + file.read(length))


def check_device(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError if its settings name another kind of processor here than the one that it was trained on.

    The state of a GPU's random generator means nothing to a CPU's, and the other way round.
    """
    import torch

    from gan_core.device import DeviceUnavailable, resolve_device

    state = checkpoint.arrays.get("random.noise_d")
    if state is None:
        return  # ``restore`` says so
    own, other = ("CPU", "GPU") if state.size == torch.Generator().get_state().numel() else ("GPU", "CPU")
    name = checkpoint.config.device
    try:
        fits = state.size == torch.Generator(resolve_device(name)).get_state().numel()
        here = f"Device = {name!r} is a {other} here"
    except DeviceUnavailable:
        fits, here = False, f"this machine has no device {name!r}"
    if not fits:
        raise CheckpointError(
            f"It was trained on a {own}, where alone its random numbers go on, and {here}. Open it where that device is a"
            f" {own}; its generator alone opens anywhere."
        )


def restore(trainer: "Trainer", checkpoint: Checkpoint) -> None:
    """Continue from ``checkpoint`` on a trainer of its settings.

    CheckpointError, and nothing is changed, if an array is missing, unknown, or of another shape or dtype.
    """
    import torch

    own = Checkpoint.of(trainer, copy=False).arrays
    expected = {
        name: (*found, True) for name, found in described(own).items() if name.startswith(("sampler.", "random."))
    } | expected_arrays(trainer.config, trainer.dataset.features)
    check_arrays(described(checkpoint.arrays), expected)
    record = checkpoint.record
    tensors = {
        name: torch.from_numpy(np.array(checkpoint.arrays[name])) for name in checkpoint.arrays if name in expected
    }

    def below(prefix: str) -> dict[str, Any]:
        return {
            name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")
        }

    def optimizer(name: str) -> dict[str, Any]:
        state: dict[int, dict[str, Any]] = {}
        for key, value in below(name).items():
            index, entry = key.split(".")
            state.setdefault(int(index), {})[entry] = value
        return {"state": state, "param_groups": getattr(trainer, name).state_dict()["param_groups"]}

    try:
        numbers = {name: int(record[name]) for name in ("iteration", "epoch", "position")}
        updates = {network: int(record["updates"][network]) for network in ("D", "G")}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError("It is damaged: its record lacks a number.") from error
    all_numbers = (*numbers.values(), *updates.values())
    if min(all_numbers) < 0 or max(all_numbers) > MAX_NUMBER or numbers["position"] > trainer.dataset.count:
        raise CheckpointError("It is damaged: a number in its record is impossible.")
    order = tensors["sampler.order"]
    if not torch.equal(order.sort().values, torch.arange(trainer.dataset.count)):
        raise CheckpointError("It is damaged: its order of the samples is none.")
    try:
        trainer.load_state_dict(
            {
                "config": trainer.config.to_json(),
                "iteration": numbers["iteration"],
                "updates": updates,
                **{name: below(name) for name in NETWORKS},
                **{name: optimizer(name) for name in OPTIMIZERS},
                "sampler": {
                    "epoch": numbers["epoch"],
                    "position": numbers["position"],
                    "order": order,
                    "generator": tensors["sampler.generator"],
                },
                "random": below("random"),
            }
        )
    except RuntimeError as error:  # PyTorch's, about the state of a random generator
        raise CheckpointError("It is damaged: the state of its random numbers is none.") from error


def expected_arrays(config: GANConfig, features: int) -> Expected:
    """Return shape, dtype and whether it must be there, of each array of networks and optimisers with these settings.

    ``features``: the number of values in a sample.
    """
    expected: Expected = {}
    for name, optimizer, network in zip(NETWORKS, OPTIMIZERS, ("G", "D"), strict=True):
        shapes = state_shapes(layers(config, network, features))  # type: ignore[arg-type]
        expected |= {f"{name}.{key}": (*found, True) for key, found in shapes.items()}
        adam = getattr(config, optimizer) == "adam"
        moments = ("exp_avg", "exp_avg_sq") if adam else ("momentum_buffer",)
        parameters = [shape for key, (shape, _) in shapes.items() if key.endswith(("weight", "bias"))]
        for index, shape in enumerate(parameters):
            expected |= {f"{optimizer}.{index}.{moment}": (shape, "float32", False) for moment in moments}
            if adam:
                expected[f"{optimizer}.{index}.step"] = ((), "float32", False)
    return expected


def described(arrays: Arrays) -> Table:
    """Return shape and dtype of each array."""
    return {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}


def check_arrays(found: Table, expected: Expected) -> None:
    """Raise CheckpointError if an array is missing, of another shape or dtype, or unknown where others are expected."""
    for name, (shape, dtype, required) in expected.items():
        if name not in found:
            if required:
                raise CheckpointError(f"It lacks {name}.")
        elif found[name] != (shape, dtype):
            has, kind = found[name]
            raise CheckpointError(
                f"{name} is {kind} {list(has)}; with these settings it should be {dtype} {list(shape)}."
            )
    for optimizer in OPTIMIZERS:
        moments = [name in found for name in expected if name.startswith(optimizer)]
        if any(moments) and not all(moments):
            raise CheckpointError(f"It lacks a part of {optimizer}.")
    known = {name.split(".", 1)[0] for name in expected}
    for name in found:
        if name not in expected and name.split(".", 1)[0] in known:
            raise CheckpointError(f"{printable(name)} belongs to no network with these settings.")
