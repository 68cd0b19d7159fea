"""Writing files atomically."""

import os
from pathlib import Path

import numpy as np
import pytest

from gan_core.files import save_array, write_atomically


def test_a_file_is_replaced_completely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, lambda partial: partial.write_bytes(b"old"))

    def write_half(partial: Path) -> None:
        partial.write_bytes(b"new and")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, write_half)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no permission")))
    with pytest.raises(OSError, match="no permission"):
        write_atomically(path, lambda partial: partial.write_bytes(b"new and longer"))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    monkeypatch.undo()
    write_atomically(path, lambda partial: partial.write_bytes(b"new"))
    assert path.read_bytes() == b"new"


def test_two_writers_of_one_file_do_not_collide(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def write(partial: Path) -> None:
        partial.write_bytes(b"outer")
        write_atomically(path, lambda other: other.write_bytes(b"inner"))
        assert path.read_bytes() == b"inner"

    write_atomically(path, write)
    assert path.read_bytes() == b"outer"


def test_an_array_is_saved_as_npy(tmp_path: Path) -> None:
    save_array(tmp_path / "array.npy", np.arange(5))
    assert [entry.name for entry in tmp_path.iterdir()] == ["array.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "array.npy"), np.arange(5))


def test_a_durable_file_has_reached_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *of, name=name, real=real: calls.append(name) or real(*of))
    write_atomically(tmp_path / "a", lambda partial: partial.write_bytes(b"a"))
    write_atomically(tmp_path / "b", lambda partial: partial.write_bytes(b"b"), durable=True)
    assert calls == ["replace", "fsync", "replace"]
    assert (tmp_path / "b").read_bytes() == b"b"
