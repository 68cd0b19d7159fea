"""Data folders of tests."""

import gzip
from pathlib import Path

import pytest

from tests.gan_core.data.real_mnist import REAL


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, and no network."""
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the tests have no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    return tmp_path


@pytest.fixture
def mnist(folder: Path) -> Path:
    """MNIST's real test files, used as both of its splits."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        content = gzip.decompress((REAL / f"t10k-{kind}.gz").read_bytes())
        for split in ("train", "t10k"):
            (raw / f"{split}-{kind}").write_bytes(content)
    return raw
