"""One seed, separate streams of randomness."""

import hashlib

import torch


def derive(seed: int, stream: str) -> int:
    """A 63-bit seed for ``stream`` that depends on ``seed`` and on the stream's name alone.

    Streams with names of their own keep experiments comparable: more generator updates draw more of
    "noise_g", and the discriminator's noise, the data order and the weights stay as they were.
    """
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def stream(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A random generator on ``device`` for the stream ``name`` of ``seed``."""
    generator = torch.Generator(device=device)
    generator.manual_seed(derive(seed, name))
    return generator
