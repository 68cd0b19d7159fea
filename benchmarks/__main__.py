"""``python -m benchmarks``: the table of figures, bars and peers.

``python -m benchmarks quality``: bfloat16's effect; ``python -m benchmarks kills``: what is lost when a process is killed.
"""

import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import classroom, core, page, runs, saves
from benchmarks.figures import Figure, table
from benchmarks.kills import kills_figures
from benchmarks.quality import compare

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "core": core.lecture_figures,
    "points": core.points_figures,
    "runs": runs.concurrency_figures,
    "memory": runs.memory_figures,
    "saves": saves.saves_figures,
    "page": page.figures,
    "classroom": classroom.classroom_figures,
}


def main(arguments: Sequence[str]) -> int:
    """Run the named benchmarks, or all, and print their table. Return 1 if a bar is missed, 2 for an unknown name."""
    if list(arguments) == ["kills"]:
        print(table(kills_figures()))
        return 0
    if list(arguments) == ["quality"]:
        print(compare())
        return 0
    unknown = [name for name in arguments if name not in BENCHMARKS]
    if unknown:
        print(
            f"Unknown benchmark {unknown[0]!r}; it should be quality or kills alone, or some of {', '.join(BENCHMARKS)}."
        )
        return 2
    began, figures = time.perf_counter(), []
    for name in arguments or BENCHMARKS:
        print(f"Measuring: {name} …", file=sys.stderr, flush=True)
        figures += BENCHMARKS[name]()
    print(table(figures))
    print(f"\nMeasured in {time.perf_counter() - began:.0f} s.")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
