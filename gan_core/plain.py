"""Numbers of numpy and PyTorch as Python's own."""

from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return ``value`` with every number, switch, text and array of numpy in it as Python's own; also 0-d tensors.

    Arrays become tuples, so an array of sizes is a tuple of whole numbers. Anything else is returned as it is.
    """
    if isinstance(value, np.floating):
        return float(value)  # item() of a long double is a long double
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) or type(value).__module__ == "torch":  # without importing PyTorch
        return _plain_array(value)
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else value
    return value


def _plain_array(array: Any) -> Any:
    if not hasattr(array, "tolist"):  # a dtype or a device
        return array
    listed = array.tolist()
    return tuple(listed) if isinstance(listed, list) else listed
