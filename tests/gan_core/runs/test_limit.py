"""The system's own limit of a run's memory: far above the estimate, and reported as a sentence where it is met."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core import GANConfig
from gan_core.diagnostics.views import Switches
from gan_core.memory import estimate, most_while_training
from gan_core.runs.limit import limit_memory
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Reconfigure, Runner, Step, Try, Walk
from tests.gan_core.runs.support import ask, failed
from tests.gan_core.support import tiny

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process may write")
Process = Callable[..., Runner]
WIDE = GANConfig(device="cpu", generator_hidden=(1024,) * 3, discriminator_hidden=(1024,) * 3, batch_size=256)


def allocated(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))


def limits(pid: int | None) -> tuple[int, int]:
    """Return the soft and the hard limit of what this process may allocate; -1 for none."""
    import resource

    return resource.prlimit(pid or 0, resource.RLIMIT_DATA)


@on_linux
def test_a_process_may_take_twice_what_it_needs_and_a_run_within_its_estimate_never_meets_that(
    make_process: Process,
) -> None:
    runner = make_process(WIDE)
    assert isinstance(runner, ProcessRunner)
    ask(runner)
    before = allocated(runner.pid)
    soft, hard = limits(runner.pid)
    assert hard == -1
    assert before + 1.5 * most_while_training(WIDE) < soft < before + 2 * most_while_training(WIDE) + 2**30
    penalised = Reconfigure(WIDE.replace(loss="wasserstein_gp", update_order="simultaneous"))
    ask(runner, Step(1), penalised, Step(1), Walk(), Try(Switches(retain_graph=True)), Step(1))
    assert allocated(runner.pid) - before < (soft - before) / 2


@on_linux
def test_a_run_that_meets_its_limit_says_so_and_its_process_lives(make_process: Process) -> None:
    import resource

    runner = make_process(WIDE)
    assert isinstance(runner, ProcessRunner)
    ask(runner, Step(1))
    resource.prlimit(runner.pid or 0, resource.RLIMIT_DATA, (allocated(runner.pid) + 2**20, -1))
    runner.send(Try(Switches()))
    failure = failed(runner).failure
    assert failure is not None
    assert failure.message.startswith("There was no memory left for this run."), failure
    assert failure.details


def test_without_such_limits_a_run_begins_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    limit_memory(tiny())


@on_linux
@pytest.mark.parametrize("config", [tiny(device="cuda:7"), tiny(dataset="ring")], ids=["no such device", "lower"])
def test_a_lower_limit_stands(monkeypatch: pytest.MonkeyPatch, config: GANConfig) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (2**28, 2**31))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limit: pytest.fail("it is changed"))
    limit_memory(config)


def test_the_most_covers_every_loss_and_order() -> None:
    orders = ("d_first", "g_first", "simultaneous")
    for order in orders:
        for loss in ("bce", "wasserstein_gp"):
            changed = WIDE.replace(loss=loss, update_order=order)
            assert estimate(changed).most <= most_while_training(WIDE)
