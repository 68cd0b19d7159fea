"""Files written array by array have the bytes of the library's."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from gan_core.export.tensor_file import write_tensors
from gan_core.training.checkpoint import Checkpoint

ARRAYS = {
    "second": np.arange(5, dtype=np.float32),
    "bytes": np.arange(3, dtype=np.uint8),
    "empty": np.zeros((0, 3), np.float32),
    "é\n": np.array(3.0),
    "whole": np.arange(4).reshape(2, 2),
    "half": np.arange(3, dtype=np.float16),
    "first": np.ones((2, 1, 3), np.float32),
}
METADATA = {"format": "pt", "record": '{"x": "ü\\"\\\\ \x01\u2028"}'}


@pytest.mark.parametrize("names", [list(ARRAYS), ["bytes"], ["empty"], []])
def test_the_bytes_are_the_librarys_with_the_header_in_the_order_of_the_arrays(
    tmp_path: Path, names: list[str]
) -> None:
    arrays = {name: ARRAYS[name] for name in names}
    write_tensors(tmp_path / "file", arrays, METADATA)
    expected = save(arrays, METADATA)
    end = 8 + int.from_bytes(expected[:8], "little")
    header = json.loads(expected[8:end])
    ordered = {"__metadata__": METADATA, **{name: header[name] for name in names}}
    text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).encode().ljust(end - 8)
    assert (tmp_path / "file").read_bytes() == expected[:8] + text + expected[end:]


def test_an_array_in_another_order_is_written_as_it_reads(tmp_path: Path) -> None:
    Checkpoint({"turned": ARRAYS["whole"].T}, {"iteration": 0}).write(tmp_path / "file")
    read = Checkpoint.read((tmp_path / "file").read_bytes()).arrays["turned"]
    np.testing.assert_array_equal(read, ARRAYS["whole"].T)


def test_writing_copies_no_array(tmp_path: Path) -> None:
    state = Checkpoint({"weights": np.zeros(2**20, np.float32)}, {"iteration": 0})
    state.write(tmp_path / "before")  # imports and caches take memory once
    tracemalloc.start()
    state.write(tmp_path / "file")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20, "a quarter of the array"
