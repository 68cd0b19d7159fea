"""``python -m benchmarks``: the table of figures, bars and peers; ``python -m benchmarks quality``: bfloat16's effect."""

import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import core, page, runs
from benchmarks.figures import Figure, table
from benchmarks.quality import compare

PARTS: dict[str, Callable[[], list[Figure]]] = {
    "core": core.lectures_gan,
    "points": core.points,
    "runs": runs.many,
    "memory": runs.memory,
    "page": page.figures,
}


def main(arguments: Sequence[str]) -> int:
    """The named parts, or all of the table; 1 if a bar is missed."""
    if list(arguments) == ["quality"]:
        print(compare())
        return 0
    unknown = [name for name in arguments if name not in PARTS]
    if unknown:
        print(f"part = {unknown[0]!r} is not known; it should be quality alone, or of {', '.join(PARTS)}.")
        return 2
    began, figures = time.perf_counter(), []
    for name in arguments or PARTS:
        print(f"Measuring: {name} …", file=sys.stderr, flush=True)
        figures += PARTS[name]()
    print(table(figures))
    print(f"\nMeasured in {time.perf_counter() - began:.0f} s.")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
