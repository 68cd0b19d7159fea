"""Writing safetensors files array by array, without a copy of them in memory."""

import json
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.files import write_atomically

CODES = {  # of dtypes, in the order in which their arrays follow
    "int64": "I64",
    "float64": "F64",
    "float32": "F32",
    "uint16": "BF16",  # numpy has no bfloat16: these are its bits
    "float16": "F16",
    "uint8": "U8",
}
ALIGNMENT = 8  # bytes: the arrays begin at a multiple of it


def write_tensors(
    path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], durable: bool = False
) -> None:
    """Write the bytes that the safetensors library would, atomically, with the header in the order of ``arrays``.

    The library copies all arrays first, orders the metadata by chance, and raises an error of its own on a full disk. The
    dtypes are those of ``CODES``. OSError if the disk does not take it. ``durable`` as in ``write_atomically``.
    """
    order = list(CODES)
    stored = sorted(arrays, key=lambda name: (order.index(str(arrays[name].dtype)), name))
    ends = dict(zip(stored, accumulate(arrays[name].nbytes for name in stored), strict=True))
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    for name, array in arrays.items():
        offsets = [ends[name] - array.nbytes, ends[name]]
        header[name] = {"dtype": CODES[str(array.dtype)], "shape": list(array.shape), "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNMENT)

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for name in stored:
                file.write(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)

    write_atomically(path, write, durable)
