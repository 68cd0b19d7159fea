"""A run leaves a core to the page, and its threads sleep while they wait."""

import os
import sys
from pathlib import Path

import pytest
import torch

from gan_core.runs import threads
from gan_core.runs.process import ProcessRunner
from tests.gan_core.support import tiny


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 1), (4, 3), (64, 4)])
def test_one_core_is_left_to_the_page(monkeypatch: pytest.MonkeyPatch, cores: int, expected: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert threads.run_threads() == expected


def test_a_run_computes_with_that_many() -> None:
    threads.use_run_threads()
    assert torch.get_num_threads() == threads.run_threads()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which is Linux's")
def test_a_child_process_sleeps_while_it_waits_and_is_niced(tmp_path: Path) -> None:
    runner = ProcessRunner("threads", tiny(), tmp_path)
    try:
        while runner.poll(1).state == "starting":
            pass
        environment = Path(f"/proc/{runner.pid}/environ").read_bytes().split(b"\0")
        assert b"OMP_WAIT_POLICY=PASSIVE" in environment
        assert runner.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, runner.pid) >= 10
    finally:
        runner.close()
