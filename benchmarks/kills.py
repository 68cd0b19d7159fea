"""What is lost when a run's training process, or the server, is killed at a random moment."""

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.page import ROOT, SMALL
from gan_core.runs.process import ProcessRunner, start_fork_server
from gan_core.runs.protocol import Play
from gan_core.runs.registry import Registry
from gan_core.runs.saved import RUN_FILE
from gan_core.runs.saving import SAVE_STATE_EVERY
from gan_core.runs.store import Store
from gan_core.snapshot import Snapshot
from gan_core.training.checkpoint import read_header

KILLS = 30  # of each kind
AT_ONCE = 5  # runs
PROMISE = 30.0  # seconds of training that a kill may cost
TIMEOUT = 60.0

Progress = tuple[int, float]  # iterations and seconds of training


def kills_figures() -> list[Figure]:
    """Kill runs of small networks, which continue from what was saved until they are killed again."""
    start_fork_server()
    return [
        *_figures("Training process killed", _lost_by(_kill_process)),
        *_figures("Server killed", _lost_by(_kill_server)),
    ]


def _figures(name: str, lost: list[Progress]) -> list[Figure]:
    iterations, seconds = ([one[part] for one in lost] for part in (0, 1))
    worst = f"{max(iterations):,} iterations"
    return [
        Figure(f"{name}: training lost, median of {len(lost)}", f"{statistics.median(iterations):,.0f} iterations",
               statistics.median(seconds), "s"),
        Figure("… worst", worst, max(seconds), "s", PROMISE, at_most=True),
    ]  # fmt: skip


def _lost_by(kill: Callable[[int], list[Progress]]) -> list[Progress]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [lost for of_one in pool.map(kill, range(AT_ONCE)) for lost in of_one]


def _lost(reached: Progress, folder: Path) -> Progress:
    record = read_header(folder / RUN_FILE)
    return max(0, reached[0] - record["iteration"]), max(0.0, reached[1] - record["run"]["seconds"])


def _progress(snapshot: Snapshot | None) -> Progress:
    return (0, 0.0) if snapshot is None else (snapshot.iteration, snapshot.seconds)


def _kill_process(seed: int) -> list[Progress]:
    moments, lost = random.Random(seed), []
    with tempfile.TemporaryDirectory() as name:
        for _ in range(KILLS // AT_ONCE):
            runner = ProcessRunner("run", SMALL.replace(seed=seed), Path(name))
            while runner.poll(1).state == "starting":
                pass
            runner.send(Play())
            until = time.monotonic() + moments.uniform(1, 1.2 * SAVE_STATE_EVERY)
            while time.monotonic() < until:
                reached = _progress(runner.poll(0.3).snapshot)
            os.kill(runner.pid or 0, signal.SIGKILL)
            runner.close()
            saved = (Path(name) / RUN_FILE).exists()
            lost.append(_lost(reached, Path(name)) if saved else reached)
    return lost


def _kill_server(seed: int) -> list[Progress]:
    moments, lost, run_id = random.Random(seed), [], ""
    with tempfile.TemporaryDirectory() as root:
        for _ in range(KILLS // AT_ONCE):
            command = [sys.executable, "-m", "benchmarks.kills", root, run_id]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
                assert server.stdout is not None
                run_id, child = server.stdout.readline().split()
                until = time.monotonic() + moments.uniform(1, 5)
                while time.monotonic() < until:
                    iteration, seconds = server.stdout.readline().split()
                server.kill()
            _wait_for_end(int(child))
            found = Store(Path(root)).find(run_id)
            assert found is not None, "its process has saved it"
            lost.append(_lost((int(iteration), float(seconds)), found[0]))
    return lost


def _wait_for_end(process: int) -> None:
    """Wait until a process of a dead server has ended."""
    deadline = time.monotonic() + TIMEOUT
    while Path(f"/proc/{process}").exists() and Path(f"/proc/{process}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "the training process ends with its server"
        time.sleep(0.02)  # no child of this process, so nothing can wait for it


def _serve(root: Path, run_id: str) -> None:
    """Train as a server does, and print the run's progress."""
    registry = Registry(store=Store(root))
    run = registry.adopt(run_id, "page", "me") if run_id else registry.create(SMALL, owner="me")
    assert run is not None
    run.poll(TIMEOUT)
    run.send(Play())
    print(run.id, getattr(run.runner, "pid", 0), flush=True)
    while True:
        print(*_progress(run.poll(0.2).snapshot), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
