"""A Plotly figure as plain dictionaries, for what is drawn several times a second.

Plotly's own ``go.Figure`` checks every property of every trace: twenty times as long as everything else that a chart
costs. Here nothing is checked; the tests do it, by giving ``plain`` to ``go.Figure``.
"""

import base64
import json
from typing import Any

import numpy as np


class Figure:
    """Traces and a layout, by Plotly's names.

    ``plain``: what ``go.Figure`` takes, numpy arrays and all.
    """

    def __init__(self, **layout: Any) -> None:
        self.plain: dict[str, Any] = {"data": [], "layout": {"template": {}, "shapes": [], "annotations": [], **layout}}

    def add(self, kind: str, **properties: Any) -> None:
        """A trace of this type."""
        self.plain["data"].append({"type": kind, **properties})

    def line_across(self, y: float, **line: Any) -> None:
        """A line over the chart's whole width."""
        self._shape(line, x0=0, x1=1, xref="x domain", y0=y, y1=y, yref="y")

    def line_up(self, x: float, **line: Any) -> None:
        """A line over its whole height."""
        self._shape(line, x0=x, x1=x, xref="x", y0=0, y1=1, yref="y domain")

    def _shape(self, line: dict[str, Any], **place: Any) -> None:
        self.plain["layout"]["shapes"].append({"type": "line", "line": line, **place})

    def note(self, **properties: Any) -> None:
        """An annotation without an arrow."""
        self.plain["layout"]["annotations"].append({"showarrow": False, **properties})

    def to_json(self) -> bytes:
        """For plotly.js, in UTF-8; arrays as base64 of their bytes."""
        return json.dumps(self.plain, default=_bytes_of, separators=(",", ":")).encode()


def _bytes_of(value: Any) -> Any:
    """Plotly's typed array: "f4", "u1" … and, of a matrix, its shape."""
    if isinstance(value, np.generic):
        return value.item()
    assert isinstance(value, np.ndarray), f"a figure holds no {type(value).__name__}"
    array = np.ascontiguousarray(value)
    packed = {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array.tobytes()).decode()}
    return packed if array.ndim == 1 else {**packed, "shape": ", ".join(map(str, array.shape))}
