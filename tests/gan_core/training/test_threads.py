"""As many threads as pay: the same numbers whatever their number, and a choice that follows the machine."""

import itertools
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core import GANConfig, Trainer
from gan_core.metrics import COLUMNS
from gan_core.runs.process import ProcessRunner
from gan_core.training import threads as pace
from gan_core.training.engines import passes
from gan_core.training.threads import Pace, steady
from tests.gan_core.support import points, same, tiny

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    passes.patience.renew()


# The same numbers -------------------------------------------------------------------------------------------

widths = st.lists(st.sampled_from([16, 32, 33, 64, 100, 128, 200, 256]), min_size=1, max_size=2).map(tuple)
configs = st.builds(
    GANConfig,
    device=st.just("cpu"),
    generator_hidden=widths,
    discriminator_hidden=widths,
    generator_batch_norm=st.booleans(),
    discriminator_batch_norm=st.booleans(),
    batch_size=st.sampled_from([16, 64, 128]),
    loss=st.sampled_from(["bce", "wasserstein_gp"]),
    precision=st.sampled_from(["float32", "bfloat16"]),
)


def trained(config: GANConfig, threads: list[int]) -> tuple[list[torch.Tensor], object]:
    """Metrics and state after an iteration with each of these numbers of threads."""
    trainer = Trainer(config, points(count=300, features=784))
    metrics = []
    for number in threads:
        torch.set_num_threads(number)
        metrics += list(trainer.step())
    return metrics, trainer.state_dict()


@settings(max_examples=25)
@given(configs)
def test_a_steady_run_gives_the_same_bits_with_any_number_of_threads(config: GANConfig) -> None:
    if steady(config, 784, 2):
        one, two, mixed = (trained(config, threads) for threads in ([1, 1], [2, 2], [1, 2]))
        assert same(one, two)
        assert same(one, mixed)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_lectures_run_is_steady_here_or_says_that_it_is_not(precision: str) -> None:
    config = GANConfig(device="cpu", precision=precision)  # type: ignore[arg-type]
    equal = same(trained(config, [1, 1]), trained(config, [2, 2]))
    assert equal or not steady(config, 784, 2)


def test_what_differs_is_not_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional, "linear", lambda *args: linear(*args) + (1e-6 if torch.get_num_threads() == 2 else 0)
    )
    assert not steady(tiny(), 4, 2)


def test_an_update_that_loses_patience_ends_with_one_thread_and_the_same_numbers() -> None:
    config = GANConfig(device="cpu", batch_size=64)
    patient, hasty = (Trainer(config, points(count=300, features=784)) for _ in range(2))
    rows = torch.zeros(2, len(COLUMNS))
    torch.set_num_threads(2)
    patient.step_into(rows[0])
    assert torch.get_num_threads() == 2
    passes.patience.until = 0.0
    hasty.step_into(rows[1])
    assert torch.get_num_threads() == 1
    assert passes.patience.lost
    if steady(config, 784, 2):
        assert same(rows[0], rows[1])
        assert same(patient.state_dict(), hasty.state_dict())


# The choice -------------------------------------------------------------------------------------------------


class Machine:
    """A clock, and how long an iteration takes with one thread and with two; ``share``: of a core that one gets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cores: int = 2) -> None:
        self.now = self.cpu = 100.0
        self.alone, self.both, self.share = 0.03, 0.018, 1.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "process_time", lambda: self.cpu)
        monkeypatch.setattr(pace, "cores", lambda: cores)
        monkeypatch.setattr(pace, "steady", lambda *_: True)

    def train(self, run: Pace, seconds: float) -> list[int]:
        """How many threads each iteration of these seconds had."""
        end, used = self.now + seconds, []
        while self.now < end:
            run.begin(1)
            used.append(run.threads)
            taken = self.alone if run.threads == 1 else self.both
            if self.now + taken > passes.patience.until:
                taken = passes.patience.until - self.now + self.alone
                passes.patience.lose()
            self.now += taken
            self.cpu += taken * self.share
            run.end()
        return used


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_two_threads_are_tried_and_kept_where_they_are_faster(machine: Machine) -> None:
    run = Pace(tiny(), 4, CPU)
    before = run.words
    used = machine.train(run, 10)
    assert run.words == before, "a page that says it would have to be drawn anew"
    assert used[0] == 1
    assert used[12:] == [2] * len(used[12:])
    assert torch.get_num_threads() == 2


def test_and_given_up_where_they_are_slower_ever_more_rarely_tried(machine: Machine) -> None:
    machine.both = 0.032
    used = machine.train(Pace(tiny(), 4, CPU), 120)
    trials = [len(list(group)) for number, group in itertools.groupby(used) if number == 2]
    assert 8 <= len(trials) <= 11
    assert sum(trials) < 0.02 * len(used)


def test_when_the_other_core_is_taken_one_thread_goes_on_at_once(machine: Machine) -> None:
    run = Pace(tiny(), 4, CPU)
    machine.train(run, 5)
    machine.both = 3.0
    began = machine.now
    used = machine.train(run, 1)
    assert used.index(1) <= 5  # and these end with one thread: not one lasts three seconds
    assert len(used) > 15
    machine.both = 0.018
    used = machine.train(run, 12)
    assert used[-1] == 2
    assert machine.now - began < 14


def test_a_run_that_shares_its_core_tries_nothing(machine: Machine) -> None:
    machine.share = 0.25
    assert set(machine.train(Pace(tiny(), 4, CPU), 60)) == {1}


def test_small_networks_try_nothing(machine: Machine) -> None:
    machine.alone, machine.both = 0.0002, 0.0001
    assert set(machine.train(Pace(tiny(), 4, CPU), 3)) == {1}


def test_after_a_change_of_settings_it_begins_anew(machine: Machine) -> None:
    run = Pace(tiny(), 4, CPU)
    machine.train(run, 5)
    machine.alone, machine.both = 0.09, 0.05
    run.again()
    used = machine.train(run, 3)
    assert used[0] == 1
    assert used[-1] == 2


def test_time_between_iterations_is_nobodys_fault(machine: Machine) -> None:
    run = Pace(tiny(), 4, CPU)
    machine.train(run, 5)
    machine.now += 1000
    assert set(machine.train(run, 2)) == {2}


@pytest.mark.parametrize(("cores", "most", "fixed"), [(1, 1, 1), (2, 2, 1), (4, 3, 3), (64, 4, 4)])
def test_of_more_than_two_cores_one_is_the_pages(
    monkeypatch: pytest.MonkeyPatch, cores: int, most: int, fixed: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert pace.most_threads() == most
    assert pace.fixed_threads() == fixed


def test_a_run_that_is_not_steady_keeps_to_one_number(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "steady", lambda *_: False)
    assert set(machine.train(Pace(tiny(), 4, CPU), 5)) == {pace.fixed_threads()}
    assert passes.patience.until == math.inf


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no niceness")
def test_a_child_process_is_niced(tmp_path: Path) -> None:
    runner = ProcessRunner("pace", tiny(), tmp_path)
    try:
        while runner.poll(1).state == "starting":
            pass
        assert runner.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, runner.pid) >= 10
    finally:
        runner.close()
