"""The config's device name → an available torch device."""

import torch

from gan_core.config import GANConfig


class DeviceUnavailable(ValueError):
    """This machine does not have the config's device; the message names those that it has."""


def available_devices() -> tuple[str, ...]:
    """Return the device names that ``resolve_device`` accepts on this machine, the fastest first."""
    found = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def resolve_device(name: str) -> torch.device:
    """Return the torch device called ``name``; "auto" is the fastest available.

    Raises DeviceUnavailable if this machine, or this build of PyTorch, does not have it.
    """
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    kind, _, index = name.partition(":")
    if kind not in available or (kind == "cuda" and index and int(index) >= torch.cuda.device_count()):
        no_cuda = kind == "cuda" and torch.version.cuda is None
        reason = "this PyTorch is built without CUDA" if no_cuda else "this machine has no such device"
        right = f"it should be one of {', '.join(map(repr, ('auto', *available)))}, as {reason}"
        raise DeviceUnavailable(GANConfig.setting("device").refusal(name, right))
    return torch.device(name)


def device_words(device: torch.device) -> str:
    """Describe the device: "CPU, 2 threads", "CUDA, NVIDIA H200"."""
    if device.type == "cuda":
        return f"CUDA, {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}"
