"""Samples of a snapshot → image files."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gan_core.images import image_grid, png, points_image

TILE, DOT = 64, 7  # pixels of a single point's picture, and of the point in it
BRIGHTER, DARKER = (255, 140, 40), (60, 130, 255)


def image(png: bytes, alt: str) -> dict[str, Any]:
    """Return the payload of an image and of the text that describes it."""
    return {"alt": alt, "src": data_url(png)}


def data_url(png: bytes) -> str:
    """Return an address that holds the whole file, so a browser fetches nothing."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def single_pngs(samples: NDArray[np.float32]) -> list[bytes]:
    """Return each sample, an image ``[height, width]`` or a point ``[2]``, as a PNG of its own."""
    if samples.shape[1:] == (2,):
        return [png(points_image(sample[None], TILE, DOT)) for sample in samples]
    return [png(image_grid(sample[None], 1)) for sample in samples]


def sample_gradient_pngs(fakes: NDArray[np.float32], gradient: NDArray[np.float32]) -> list[bytes]:
    """Return each fake with its gradient on top as a PNG; strengths are relative to the strongest of all shown.

    Images ``[n, height, width]`` in grey: D wants orange pixels brighter and blue ones darker. Points ``[n, 2]``: an orange
    line from the point in the direction in which D wants it to move.
    """
    if fakes.shape[1:] == (2,):
        return _pulled_points(fakes, gradient)
    strength = np.abs(gradient) / max(float(np.abs(gradient).max()), 1e-12)
    grey = ((fakes + 1) * 0.5).clip(0, 1)[..., None] * np.ones(3)
    tint = np.where(gradient[..., None] > 0, np.array(BRIGHTER), np.array(DARKER)) / 255
    mixed = grey * (1 - strength[..., None]) + tint * strength[..., None]
    return [_coloured(Image.fromarray(picture)) for picture in (mixed * 255).astype(np.uint8)]


def _pulled_points(fakes: NDArray[np.float32], gradient: NDArray[np.float32]) -> list[bytes]:
    longest = max(float(np.linalg.norm(gradient, axis=1).max()), 1e-12)
    ends = fakes + gradient * (0.6 / longest)
    files = []
    for fake, end in zip(fakes, ends, strict=True):
        picture = Image.fromarray(points_image(fake[None], TILE, DOT)).convert("RGB")
        line = [((x + 1) * (TILE - 1) / 2, (1 - y) * (TILE - 1) / 2) for x, y in (fake.tolist(), end.tolist())]
        ImageDraw.Draw(picture).line(line, BRIGHTER, 3)
        files.append(_coloured(picture))
    return files


def _coloured(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def noise_png(noise: NDArray[np.float32]) -> bytes:
    """Return noise ``[n, latent_dim]`` as a PNG: one row a sample, grey from -3 to 3."""
    return png((((noise / 3).clip(-1, 1) + 1) * 127.5).astype(np.uint8))
