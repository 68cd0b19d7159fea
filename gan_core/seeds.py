"""Separate random streams derived from one seed. PyTorch is imported only to draw: an export needs the seeds alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive(seed: int, stream: str) -> int:
    """Return a 63-bit seed for ``stream``, which depends only on ``seed`` and the stream's name.

    Separate streams keep experiments comparable: more generator updates draw more from "noise_g", while the
    discriminator's noise, the data order and the initial weights stay the same.
    """
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def stream(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a random generator on ``device`` for the stream ``name`` of ``seed``."""
    import torch

    generator = torch.Generator(device=device)
    generator.manual_seed(derive(seed, name))
    return generator
