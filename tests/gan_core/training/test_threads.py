"""The number of threads of a run follows a simple rule and never changes."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from gan_core import GANConfig
from gan_core.runs.protocol import Play, Reconfigure, Step
from gan_core.runs.worker import Worker
from gan_core.training import threads
from gan_core.training.threads import describe_threads, thread_count, use_threads, yield_while_waiting
from tests.gan_core.support import same, tiny

LECTURE = GANConfig(device="cpu")


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 2), (3, 2), (4, 3), (8, 4), (64, 4)])
def test_wide_layers_use_all_cores_but_one_up_to_four_and_both_of_two(
    cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "available_cores", lambda: cores)
    assert thread_count(LECTURE, 784, "cpu") == expected


def test_small_layers_and_other_devices_use_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_cores", lambda: 8)
    assert thread_count(tiny(), 784, "cpu") == 1
    assert thread_count(LECTURE, 784, "cuda") == 1


def test_available_cores_are_all_cores_where_the_system_has_no_affinity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert threads.available_cores() == 6


class ThreadRecorder(Worker):
    """A worker that records the number of threads at each iteration."""

    def start(self) -> None:
        super().start()
        self.seen: list[int] = []
        trainer = self._active().trainer
        step_into = trainer.step_into

        def counted(row: torch.Tensor) -> None:
            self.seen.append(torch.get_num_threads())
            step_into(row)

        trainer.step_into = counted  # type: ignore[method-assign]


def test_a_run_keeps_its_number_of_threads_through_pauses_changes_and_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "MIN_WORK_FOR_THREADS", 0)
    cores = [3]
    monkeypatch.setattr(threads, "available_cores", lambda: cores[0])
    worker = ThreadRecorder("run", tiny(), tmp_path)
    worker.start()
    before = torch.get_num_threads()
    worker.handle(Step(2))
    cores[0] = 1  # as if the machine had become smaller or busier
    worker.handle(Reconfigure(tiny(learning_rate_g=0.001, loss="wasserstein_gp")))
    worker.handle(Play())
    worker.advance(0.02)
    assert worker.state == "running"
    assert set(worker.seen) == {2}
    assert torch.get_num_threads() == before


def test_the_callers_number_of_threads_is_restored_after_an_error(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    with suppress(RuntimeError), use_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise RuntimeError("broken")
    assert torch.get_num_threads() == before

    worker = Worker("run", tiny(), tmp_path)
    worker.start()
    run: Any = worker._active()
    run.threads = before + 1
    run.trainer.step_into = None  # calling it raises
    worker.handle(Step(1))
    assert worker.state == "failed"
    assert torch.get_num_threads() == before


def test_a_run_is_the_same_whatever_number_of_threads_its_process_had(tmp_path: Path) -> None:
    """On some processors this run's weights differ between one and two threads."""
    config = GANConfig(
        device="cpu", generator_hidden=(16,), discriminator_hidden=(32,), loss="wasserstein_gp", precision="bfloat16"
    )
    saved = []
    for before in (1, 2):
        folder = tmp_path / str(before)
        folder.mkdir()
        with use_threads(before):
            worker = ThreadRecorder("run", config, folder)
            worker.start()
            worker.handle(Step(3))
        assert worker.seen == [thread_count(config, 784, "cpu")] * 3
        saved.append(load_file(folder / "generator.safetensors"))
    assert same(*saved)


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_waiting_threads_yield_unless_the_user_has_chosen(
    given: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    yield_while_waiting()
    assert os.environ.get("GOMP_SPINCOUNT") == expected


def test_the_description_names_the_number_of_threads() -> None:
    assert describe_threads(1) == "One thread computes them."
    assert describe_threads(2).startswith("2 threads compute them")
