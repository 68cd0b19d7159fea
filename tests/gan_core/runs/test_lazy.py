"""A run costs no process until it trains, and shows meanwhile what its process would."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.config import GANConfig
from gan_core.data.drawing import STARTER, pack
from gan_core.memory import estimate
from gan_core.runs.budget import Budget, OverBudget, within
from gan_core.runs.inline import InlineRunner
from gan_core.runs.lazy import LazyRunner
from gan_core.runs.previews import FILES, KEPT, Previews
from gan_core.runs.protocol import Pause, Play, Reconfigure, Report, Sample, Save, Speed, Step
from gan_core.runs.registry import Registry
from gan_core.runs.saved import RUN_FILE
from gan_core.runs.store import Store
from tests.gan_core.runs.support import never
from tests.serving import processes_of, wait_until_gone

SMALL = GANConfig(generator_hidden=(8,), discriminator_hidden=(8,), batch_size=4, latent_dim=2)


class CountingExecutor(ThreadPoolExecutor):
    def __init__(self) -> None:
        super().__init__(1)
        self.submitted = 0

    def submit(self, action: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        self.submitted += 1
        return super().submit(action, *arguments, **named)


class Counted:
    """Makes runners in this process, and counts them and the previews."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.executor = CountingExecutor()
        self.previews = Previews(lambda: self.executor)

    def begin(self, run_id: str, config: GANConfig, folder: Path) -> InlineRunner:
        self.begun.append(run_id)
        return InlineRunner(run_id, config, folder)


@pytest.fixture
def counted() -> Iterator[Counted]:
    made = Counted()
    yield made
    made.previews.close()


@pytest.fixture
def lazy(counted: Counted, tmp_path: Path) -> LazyRunner:
    return LazyRunner(counted.begin, counted.previews, "mine", SMALL, tmp_path)


def test_it_shows_what_its_process_would(counted: Counted, lazy: LazyRunner, tmp_path: Path) -> None:
    shown = lazy.poll(20)
    assert shown.state == "paused"
    assert not counted.begun
    real = InlineRunner("mine", SMALL, tmp_path / "other").poll(0)
    assert shown.snapshot is not None
    assert real.snapshot is not None
    assert np.array_equal(shown.snapshot.fake, real.snapshot.fake)
    assert np.array_equal(shown.snapshot.real, real.snapshot.real)
    same = ("run_id", "config", "initial", "iteration", "device", "computing", "revision", "speed", "moments")
    assert [getattr(shown.snapshot, name) for name in same] == [getattr(real.snapshot, name) for name in same]


@pytest.mark.parametrize("command", [Step(1), Play(), Sample(1)])
def test_a_command_that_needs_it_begins_it(counted: Counted, lazy: LazyRunner, command: object) -> None:
    lazy.poll(20)
    lazy.send(command)  # type: ignore[arg-type]
    assert counted.begun == ["mine"]


def test_settings_and_speed_are_taken_over(counted: Counted, lazy: LazyRunner) -> None:
    first = lazy.poll(20).snapshot
    config = SMALL.replace(learning_rate_d=0.01)
    for command in (Reconfigure(config), Speed(25.0), Pause(), Save()):
        lazy.send(command)
    shown = lazy.poll(20).snapshot
    assert not counted.begun
    assert first is not None
    assert shown is not None
    assert shown.revision > first.revision
    assert (shown.config, shown.initial, shown.speed) == (config, config, Speed(25.0))
    lazy.send(Step(2))
    trained = lazy.poll(0).snapshot
    assert trained is not None
    assert trained.revision > shown.revision
    assert (trained.config, trained.initial, trained.speed, trained.iteration) == (config, config, Speed(25.0), 2)


def test_another_drawing_shows_other_real_samples(counted: Counted, tmp_path: Path) -> None:
    config = SMALL.replace(dataset="drawn", drawing=STARTER)
    lazy = LazyRunner(counted.begin, counted.previews, "mine", config, tmp_path)
    before = lazy.poll(20).snapshot
    lazy.send(Reconfigure(config.replace(drawing=pack(np.eye(32, dtype=bool)))))
    after = lazy.poll(20).snapshot
    assert not counted.begun
    assert before is not None
    assert after is not None
    assert not np.array_equal(before.real, after.real)


def test_untrained_networks_are_saved_without_a_process_and_are_those_of_a_run(
    counted: Counted, lazy: LazyRunner, tmp_path: Path
) -> None:
    changed = SMALL.replace(learning_rate_d=0.01)
    lazy.send(Reconfigure(changed))
    assert lazy.save()
    assert not counted.begun
    other = tmp_path / "other"
    other.mkdir()
    assert InlineRunner("mine", changed, other).save()
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (other / name).read_bytes()


def test_a_save_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    full = LazyRunner(never, Previews(never, Budget(1, 1)), "mine", SMALL, tmp_path)
    with pytest.raises(OverBudget, match=r"^An untrained run would take"):
        full.save()
    assert not LazyRunner(never, Previews(Killed), "mine", SMALL, tmp_path).save()
    assert not list(tmp_path.iterdir())


def test_on_a_full_server_the_preview_says_why_it_is_not_made(counted: Counted, tmp_path: Path) -> None:
    needed = estimate(SMALL).run
    budget = Budget(needed + KEPT, needed + KEPT)
    budget.reserve("another run", KEPT + 1)
    previews = Previews(lambda: counted.executor, budget)
    report = LazyRunner(counted.begin, previews, "mine", SMALL, tmp_path).poll(20)
    assert report.state == "failed"
    assert report.failure is not None
    assert report.failure.message.startswith("An untrained run would take")
    assert report.failure.message.endswith("are free: try again when another run has ended.")
    assert not report.failure.refusal
    assert not counted.executor.submitted
    budget.release("another run")
    again = LazyRunner(counted.begin, previews, "mine", SMALL, tmp_path)
    assert again.poll(20).state == "paused"
    assert 0 < budget.held <= max(KEPT, needed)
    previews.close()
    assert budget.held == 0


def test_the_preview_of_a_giant_run_is_refused_before_it_is_built(counted: Counted, tmp_path: Path) -> None:
    giant = GANConfig(generator_hidden=(4096,) * 6, discriminator_hidden=(4096,) * 6, batch_size=1024)
    previews = Previews(lambda: counted.executor, Budget(10**10, 10**9))
    failure = previews.report(giant, tmp_path / "none", 20).failure
    assert failure is not None
    assert failure.refusal
    assert "and a run may take 1.00 GB here" in failure.message
    assert not counted.executor.submitted


def test_a_large_preview_gives_its_memory_back(counted: Counted, tmp_path: Path) -> None:
    budget = Budget(10**10, 10**10)
    previews = Previews(lambda: counted.executor, budget)
    large = SMALL.replace(generator_hidden=(2048,), batch_size=1024)
    assert estimate(large).run > KEPT
    assert previews.report(large, tmp_path / "none", 60).state == "paused"
    counted.executor.shutdown()  # its last task has told that it is done
    assert budget.held == KEPT


def test_once_it_is_closed_nothing_begins_it(counted: Counted, lazy: LazyRunner) -> None:
    lazy.close()
    lazy.send(Step(1))
    assert not lazy.save()
    assert not counted.begun


def test_settings_that_cannot_begin_are_refused(counted: Counted, tmp_path: Path) -> None:
    lazy = LazyRunner(
        counted.begin,
        counted.previews,
        "mine",
        SMALL.replace(dataset="own_points", own_data="0123456789abcdef"),
        tmp_path,
    )
    report = lazy.poll(20)
    assert report.state == "failed"
    assert report.failure is not None
    assert report.failure.refusal
    lazy.poll(20)
    assert counted.executor.submitted == 1, "the same would fail again"


def test_a_failed_preview_is_tried_again_by_the_next_run(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    run = partial(LazyRunner, counted.begin, counted.previews, "mine", SMALL, tmp_path)
    with monkeypatch.context() as on_a_full_disk:
        on_a_full_disk.setattr("gan_core.runs.previews.TemporaryDirectory", full)
        assert run().poll(20).state == "failed"
    assert run().poll(20).state == "paused"


class Idle(Executor):
    """Was killed while it had nothing to do."""

    def submit(self, action: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        raise BrokenProcessPool("killed")


def test_nobody_notices_that_the_shared_process_was_killed_while_it_had_nothing_to_do() -> None:
    executors: list[Executor] = [Idle(), ThreadPoolExecutor(1)]
    previews = Previews(lambda: executors.pop(0))
    assert previews.report(SMALL, Path("none"), 20).state == "paused"
    previews.close()


class Killed(Executor):
    def submit(self, action: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Report] = Future()
        future.set_exception(BrokenProcessPool("killed"))
        return future


def test_after_a_kill_of_the_shared_process_another_is_begun() -> None:
    executors: list[Executor] = [Killed(), ThreadPoolExecutor(1)]
    previews = Previews(lambda: executors.pop(0))
    report = previews.report(SMALL, Path("none"), 20)
    assert report.state == "failed"
    assert report.failure is not None
    assert report.failure.message == "The process that makes the first images was killed."
    assert previews.report(SMALL, Path("none"), 20).state == "paused"
    previews.close()


def test_a_class_that_opens_the_page_costs_one_preview_and_no_process(counted: Counted, tmp_path: Path) -> None:
    registry = Registry(partial(LazyRunner, counted.begin, counted.previews), store=Store(tmp_path))
    runs = [registry.create(SMALL) for _ in range(40)]
    assert all(run.poll(20).snapshot is not None for run in runs)
    assert counted.executor.submitted == 1
    registry.close()
    assert not counted.begun, "nothing was trained, so nothing is saved"


def test_pages_that_never_train_cost_no_thread_and_leave_no_folder(counted: Counted, tmp_path: Path) -> None:
    open_pages = {f"page {number}" for number in range(200)}
    budget = Budget(estimate(SMALL).run, estimate(SMALL).run)
    registry = Registry(
        partial(LazyRunner, within(budget, counted.begin), counted.previews),
        store=Store(tmp_path), is_open=lambda page: page in open_pages, grace=0.0, budget=budget,
    )  # fmt: skip
    assert registry.create(SMALL, page="page 0").poll(20).snapshot is not None
    before = threading.active_count()
    for page in sorted(open_pages - {"page 0"}):
        assert registry.create(SMALL, page=page).poll(20).snapshot is not None
    assert threading.active_count() == before
    assert len(list(tmp_path.iterdir())) == len(registry._runs) == len(open_pages)
    assert budget.held == 0
    open_pages.clear()
    registry.sweep()
    registry.sweep()
    assert not list(tmp_path.iterdir())
    assert not registry._runs
    registry.close()


def test_a_saved_run_begins_at_once(counted: Counted, lazy: LazyRunner, tmp_path: Path) -> None:
    lazy.send(Step(3))
    lazy.close()
    assert (tmp_path / RUN_FILE).exists()
    again = LazyRunner(counted.begin, counted.previews, "mine", SMALL, tmp_path).poll(0).snapshot
    assert again is not None
    assert again.iteration == 3


SERVER = """
import sys
from pathlib import Path
from gan_core.config import GANConfig
from gan_core.runs.previews import FILES, KEPT, Previews
if __name__ == "__main__":
    previews = Previews()
    report = previews.report(GANConfig(generator_hidden=(8,), discriminator_hidden=(8,)), Path("none"), 60)
    print(report.state, flush=True)
    sys.stdin.read()  # until it is killed
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the processes from /proc")
def test_the_shared_process_does_not_outlive_a_killed_server(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        start_new_session=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        assert server.stdout.readline() == "paused\n"
        assert processes_of(server.pid) > 1
        server.kill()
        wait_until_gone(server.pid)
