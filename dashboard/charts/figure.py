"""A Plotly figure as plain dictionaries, for charts that are sent several times a second.

Plotly's own ``go.Figure`` checks every property of every trace, which takes twenty times as long as everything else in a
chart. This class checks nothing; the tests do, by giving ``plain`` to ``go.Figure``.
"""

import base64
import math
from typing import Any

import numpy as np


class Figure:
    """Traces and a layout, by Plotly's names.

    ``plain``: what ``go.Figure`` takes, with numpy arrays.
    """

    def __init__(self, **layout: Any) -> None:
        self.plain: dict[str, Any] = {"data": [], "layout": {"template": {}, "shapes": [], "annotations": [], **layout}}

    def add(self, kind: str, **properties: Any) -> None:
        """Add a trace of this type."""
        self.plain["data"].append({"type": kind, **properties})

    def line(self, **properties: Any) -> None:
        """Add a straight line."""
        self.plain["layout"]["shapes"].append({"type": "line", **properties})

    def note(self, **properties: Any) -> None:
        """Add an annotation without an arrow."""
        self.plain["layout"]["annotations"].append({"showarrow": False, **properties})

    def payload(self) -> dict[str, Any]:
        """Return ``plain`` with its arrays as plotly.js's typed arrays: what JSON can hold."""
        payload: dict[str, Any] = json_able(self.plain)
        return payload


def json_able(value: Any) -> Any:
    """Return a figure's dictionary as JSON can hold it: arrays typed, numbers that are not finite null, as Plotly does."""
    if isinstance(value, np.ndarray):
        return _typed_array(value)
    if isinstance(value, dict):
        return {key: json_able(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_able(one) for one in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _typed_array(value: np.ndarray) -> dict[str, str]:
    """Return Plotly's typed array: "f4", "u1" …, the bytes in base64 and, of a matrix, its shape."""
    array = np.ascontiguousarray(value)
    encoded = {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.tobytes()).decode()}
    return encoded if array.ndim == 1 else {**encoded, "shape": ", ".join(map(str, array.shape))}
