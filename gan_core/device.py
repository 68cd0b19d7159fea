"""A device's name in the config → a torch device that is really there."""

import torch


class DeviceUnavailable(ValueError):
    """The device that the config asks for is not on this machine; the message says what is."""


def available_devices() -> tuple[str, ...]:
    """Names that ``resolve_device`` accepts here, best first."""
    found = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def resolve_device(name: str) -> torch.device:
    """The torch device for ``name``; "auto" is the best there is.

    Raises DeviceUnavailable where this machine, or this build of PyTorch, does not have it.
    """
    here = available_devices()
    if name == "auto":
        return torch.device(here[0])
    kind, _, index = name.partition(":")
    if kind not in here or (kind == "cuda" and index and int(index) >= torch.cuda.device_count()):
        no_cuda = kind == "cuda" and torch.version.cuda is None
        reason = "this PyTorch is built without CUDA" if no_cuda else "there is none here"
        raise DeviceUnavailable(f"device = {name!r} is not possible: {reason}. Available: auto, {', '.join(here)}.")
    return torch.device(name)


def device_words(device: torch.device) -> str:
    """The device as a person names it: "CPU, 2 threads", "CUDA, NVIDIA H200"."""
    if device.type == "cuda":
        return f"CUDA, {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}"
