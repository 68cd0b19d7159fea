"""The estimate of a run's memory, held against what its process comes to own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gan_core import GANConfig
from gan_core.diagnostics.views import Switches
from gan_core.memory import estimate
from gan_core.runs.process import ProcessRunner, start_fork_server
from gan_core.runs.protocol import Runner, Step, Try, Walk
from tests.gan_core.runs.support import ask, starter

needs_smaps = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux says what is private")
WIDE: dict[str, Any] = {"generator_hidden": (1024,) * 3, "discriminator_hidden": (1024,) * 3}
LARGE: dict[str, Any] = {"generator_hidden": (2048,) * 3, "discriminator_hidden": (2048,) * 3, "batch_size": 512}


@pytest.fixture
def make_process(tmp_path: Path) -> Iterator[Callable[..., Runner]]:
    yield from starter(ProcessRunner, tmp_path)


def private(pid: int | None) -> int:
    """Return the bytes that this process shares with no other; PyTorch's allocator on the CPU gives back large tensors."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


@needs_smaps
@pytest.mark.parametrize(
    "settings",
    [
        {"dataset": "ring", "latent_dim": 2, "generator_hidden": (32, 32), "discriminator_hidden": (32, 32)},
        {},
        LARGE,
        {**WIDE, "optimizer_g": "sgd", "optimizer_d": "sgd"},
        {**WIDE, "generator_batch_norm": False},
        {**WIDE, "discriminator_batch_norm": True, "batch_size": 512},
    ],
    ids=["2-D", "lecture", "3x2048", "sgd", "no_batch_norm", "batch_norm_in_both"],
)
def test_a_run_takes_what_is_estimated(make_process: Callable[..., Runner], settings: dict[str, Any]) -> None:
    start_fork_server()
    config = GANConfig(device="cpu", **settings)
    runner = make_process(config)
    assert isinstance(runner, ProcessRunner)
    ask(runner, Step(2))
    assert estimate(config).run == pytest.approx(private(runner.pid), rel=0.3)


@needs_smaps
def test_walk_and_laboratory_add_what_is_estimated(make_process: Callable[..., Runner]) -> None:
    config = GANConfig(device="cpu", **WIDE, batch_size=512)
    runner = make_process(config)
    assert isinstance(runner, ProcessRunner)
    found = estimate(config)
    ask(runner, Step(2), *[Walk()] * 6)
    assert found.run + found.walk == pytest.approx(private(runner.pid), rel=0.3)
    ask(runner, Try(Switches(retain_graph=True)))
    high = next(
        line for line in Path(f"/proc/{runner.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    shared = resident(runner.pid) - private(runner.pid)
    assert found.most == pytest.approx(int(high.split()[1]) * 1024 - shared, rel=0.3)


def resident(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_the_estimate_needs_no_pytorch() -> None:
    code = (
        "import sys; from gan_core.config import GANConfig; from gan_core.memory import estimate; estimate(GANConfig())"
    )
    subprocess.run([sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], check=True, timeout=60)


def test_more_units_samples_and_moments_take_more() -> None:
    small, sgd = GANConfig(), GANConfig(optimizer_g="sgd", optimizer_d="sgd")
    for larger in (
        small.replace(batch_size=1024),
        small.replace(generator_hidden=(2048,)),
        small.replace(latent_dim=1024),
    ):
        assert estimate(larger).most > estimate(small).most
    assert estimate(sgd.replace(sgd_momentum=0.5)).run > estimate(sgd).run
