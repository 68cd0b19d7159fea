"""How far a long-running job has come."""

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """``done`` of ``total`` in ``unit``, and a description of the work; a total of 0 means unknown."""

    description: str
    done: int = 0
    total: int = 0
    unit: str = ""


ReportProgress = Callable[[Progress], None]
