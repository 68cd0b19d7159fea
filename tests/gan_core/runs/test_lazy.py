"""A run costs no process until it trains, and shows meanwhile what its process would."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gan_core.config import GANConfig
from gan_core.data.drawing import STARTER, pack
from gan_core.runs.inline import InlineRunner
from gan_core.runs.lazy import LazyRunner
from gan_core.runs.previews import Previews
from gan_core.runs.protocol import Pause, Play, Reconfigure, Sample, Save, Speed, Step
from gan_core.runs.registry import Registry
from gan_core.runs.saved import RUN_FILE
from gan_core.runs.store import Store

SMALL = GANConfig(generator_hidden=(8,), discriminator_hidden=(8,), batch_size=4, latent_dim=2)


class Counted:
    """Makes runners in this process, and counts them and the previews."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.previews = Previews(self._executor)
        self.submitted: list[object] = []

    def _executor(self) -> Executor:
        executor = ThreadPoolExecutor(1)
        submit = executor.submit
        executor.submit = lambda *arguments: (self.submitted.append(arguments), submit(*arguments))[1]  # type: ignore
        return executor

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


def test_its_generator_can_be_downloaded_before_it_trains(counted: Counted, lazy: LazyRunner) -> None:
    assert lazy.save()
    assert counted.begun == ["mine"]


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


def test_a_class_that_opens_the_page_costs_one_preview_and_no_process(counted: Counted, tmp_path: Path) -> None:
    registry = Registry(partial(LazyRunner, counted.begin, counted.previews), store=Store(tmp_path))
    runs = [registry.create(SMALL) for _ in range(40)]
    assert all(run.poll(20).snapshot is not None for run in runs)
    assert len(counted.submitted) == 1
    registry.close()
    assert not counted.begun, "nothing was trained, so nothing is saved"


def test_a_saved_run_begins_at_once(counted: Counted, lazy: LazyRunner, tmp_path: Path) -> None:
    lazy.send(Step(3))
    lazy.close()
    assert (tmp_path / RUN_FILE).exists()
    again = LazyRunner(counted.begin, counted.previews, "mine", SMALL, tmp_path).poll(0).snapshot
    assert again is not None
    assert again.iteration == 3
