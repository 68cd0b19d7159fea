"""Helpers of the runners' tests: start runs, send them commands, read the weights that they save."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from gan_core import GANConfig, Trainer
from gan_core.export.weights import read_metadata
from gan_core.memory import estimate
from gan_core.runs.budget import Budget, within
from gan_core.runs.protocol import Command, Report, Runner
from gan_core.snapshot import Snapshot
from tests.gan_core.support import copied, tiny

Make = Callable[..., Runner]


def never(*_: Any) -> Any:
    """Stand for what must not be called."""
    raise AssertionError("nothing is built")


def room_for(count: int, kind: Any) -> dict[str, Any]:
    """Return a registry's runners and budget that hold so many runs of ``tiny``."""
    budget = Budget(count * estimate(tiny()).run, estimate(tiny()).most)
    return {"make_runner": within(budget, kind), "budget": budget}


def starter(kind: Any, folder: Path) -> Iterator[Make]:
    begun: list[Runner] = []

    def start(config: GANConfig | None = None, name: str = "run") -> Runner:
        (folder / name).mkdir(exist_ok=True)
        begun.append(kind(name, config or tiny(), folder / name))
        return begun[-1]

    yield start
    for runner in begun:
        runner.close()


def until(runner: Runner, done: Callable[[Report], bool], seconds: float = 30) -> Report:
    """Poll until ``done`` accepts the report."""
    deadline = time.monotonic() + seconds
    while not done(report := runner.poll(0.02)):
        assert time.monotonic() < deadline, report
    return report


def ask(runner: Runner, *commands: Command, state: str = "paused") -> Snapshot:
    """Send commands and wait until the report is settled; return its snapshot."""
    until(runner, lambda report: report.state != "starting")
    for command in commands:
        runner.send(command)
    report = until(runner, lambda report: report.settled)
    assert report.snapshot is not None
    assert report.state == state, report.failure
    return report.snapshot


def failed(runner: Runner) -> Report:
    return until(runner, lambda report: report.state == "failed")


def weights(folder: Path) -> dict[str, Any]:
    """Return both saved networks' weights."""
    return {name: load_file(folder / f"{name}.safetensors") for name in ("generator", "discriminator")}


def saved_iteration(folder: Path) -> int:
    return int(read_metadata((folder / "generator.safetensors").read_bytes())["iteration"])


def trained(iterations: int, **changes: Any) -> dict[str, Any]:
    """Return both networks' weights after training by a plain trainer."""
    trainer = Trainer(tiny(**changes))
    for _ in range(iterations):
        trainer.step()
    return {"generator": copied(trainer.generator), "discriminator": copied(trainer.discriminator)}
