"""The runs of a server: found by id, ended when their lease is over."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gan_core import GANConfig
from gan_core.export.weights import read_metadata
from gan_core.runs.inline import InlineRunner
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Command, Pause, Play, Reconfigure, Report, Step
from gan_core.runs.registry import CannotStart, Registry, TooManyRuns
from tests.gan_core.support import tiny


class StubRunner:
    """A runner that does nothing and records its commands."""

    def __init__(self, run_id: str, config: GANConfig, folder: Path) -> None:
        self.run_id, self.config, self.folder = run_id, config, folder
        self.commands: list[Command] = []
        self.closed = threading.Event()

    def send(self, command: Command) -> None:
        self.commands.append(command)

    def poll(self, wait: float = 0.3) -> Report:
        return Report("paused")

    def save(self, wait: float = 10.0) -> bool:
        return False

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Replace the registry's clock by one that only a test moves."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("gan_core.runs.registry.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def stub(run: Any) -> StubRunner:
    assert isinstance(run.runner, StubRunner)
    return run.runner


def test_a_run_is_found_by_its_id_until_it_ends() -> None:
    registry = Registry(StubRunner)
    first, second = registry.create(tiny(seed=1)), registry.create(tiny(seed=2))
    assert first.id != second.id
    assert registry.get(first.id) is first
    assert registry.get(second.id) is second
    assert (stub(first).run_id, stub(first).config, stub(first).folder) == (first.id, tiny(seed=1), first.folder)
    assert first.folder.is_dir()
    assert first.folder != second.folder
    registry.end(first.id)
    assert registry.get(first.id) is None
    assert registry.get(second.id) is second
    assert stub(first).closed.is_set()
    assert not stub(second).closed.is_set()
    assert not first.folder.exists()
    assert second.folder.exists()
    registry.close()
    assert stub(second).closed.is_set()
    assert not second.folder.exists()


def test_an_unknown_id_finds_no_run_and_can_be_ended() -> None:
    registry = Registry(StubRunner)
    assert registry.get("nothing") is None
    registry.end("nothing")


@pytest.mark.parametrize("act", ["poll", "send", "reconfigure", "generator_file", "renew_lease"])
def test_every_request_renews_the_lease(clock: SimpleNamespace, act: str) -> None:
    registry = Registry(StubRunner, grace=60)
    asked, forgotten = registry.create(tiny()), registry.create(tiny())
    (asked.folder / "generator.safetensors").write_bytes(b"")
    clock.now += 59
    arguments = {"send": [Play()], "reconfigure": [tiny()]}.get(act, [])
    getattr(asked, act)(*arguments)
    registry.sweep()
    assert registry.get(forgotten.id) is forgotten
    clock.now += 2
    registry.sweep()
    assert registry.get(asked.id) is asked
    assert registry.get(forgotten.id) is None
    assert stub(forgotten).closed.is_set()
    assert not forgotten.folder.exists()
    clock.now += 60
    registry.sweep()
    assert registry.get(asked.id) is None
    registry.close()


def test_a_run_is_paused_once_after_its_page_was_closed(clock: SimpleNamespace) -> None:
    registry = Registry(StubRunner, pause_after=10, grace=60)
    closed, reloaded, open_ = (registry.create(tiny()) for _ in range(3))
    closed.page_closed()
    reloaded.page_closed()
    clock.now += 9
    reloaded.renew_lease()
    registry.sweep()
    assert not stub(closed).commands
    clock.now += 2
    registry.sweep()
    registry.sweep()
    assert stub(closed).commands == [Pause()]
    assert not stub(reloaded).commands
    assert not stub(open_).commands
    assert registry.get(closed.id) is closed  # its page can still be reopened
    registry.close()


def test_a_full_server_raises_until_a_lease_is_over(clock: SimpleNamespace) -> None:
    registry = Registry(StubRunner, max_runs=2, grace=60)
    first = registry.create(tiny())
    clock.now += 30
    second = registry.create(tiny())
    with pytest.raises(TooManyRuns, match=r"^This server already holds 2 runs\. .* ends after 1 minutes\.$"):
        registry.create(tiny())
    clock.now += 31  # the first one's lease is over
    third = registry.create(tiny())
    assert registry.get(first.id) is None
    assert registry.get(second.id) is second
    assert registry.get(third.id) is third
    registry.close()


def test_reconfigure_is_sent_and_changes_the_runs_config() -> None:
    registry = Registry(StubRunner)
    run = registry.create(tiny())
    run.reconfigure(tiny(g_steps=5))
    assert run.config == tiny(g_steps=5)
    assert stub(run).commands == [Reconfigure(tiny(g_steps=5))]
    registry.close()


def test_sweeping_in_the_background_ends_runs_until_the_registry_closes() -> None:
    registry = Registry(StubRunner, grace=-1)
    run = registry.create(tiny())
    before = set(threading.enumerate())
    registry.sweep_in_background(every=0.001)
    (sweeper,) = set(threading.enumerate()) - before
    assert stub(run).closed.wait(10)
    registry.close()
    sweeper.join(10)
    assert not sweeper.is_alive()


@pytest.mark.parametrize("make_runner", [InlineRunner, ProcessRunner])
def test_the_generator_file_is_of_the_present_iteration(make_runner: Any) -> None:
    registry = Registry(make_runner)
    run = registry.create(tiny())
    for count in (1, 3):
        run.send(Step(count))
        metadata = read_metadata(run.generator_file())
    assert metadata["iteration"] == "4"
    registry.close()
    assert not run.folder.exists()


@pytest.mark.parametrize("make_runner", [InlineRunner, ProcessRunner])
def test_a_run_that_failed_at_its_start_has_no_generator_file(make_runner: Any) -> None:
    registry = Registry(make_runner)
    run = registry.create(tiny(dataset="nothing"))
    with pytest.raises(FileNotFoundError):
        run.generator_file()
    registry.close()


def test_a_restarted_run_keeps_only_its_id() -> None:
    registry = Registry(StubRunner)
    old = registry.create(tiny(seed=1))
    new = registry.restart(old.id, tiny(seed=2))
    assert registry.get(old.id) is new
    assert new.config.seed == 2
    assert stub(old).closed.is_set()
    assert not old.folder.exists()
    assert new.folder.exists()
    registry.close()


def test_a_full_server_ends_the_run_whose_page_was_closed_longest_ago(clock: SimpleNamespace) -> None:
    registry = Registry(StubRunner, max_runs=3)
    watched, closed_first, closed_later = (registry.create(tiny(seed=seed)) for seed in range(3))
    closed_first.page_closed()
    clock.now += 5
    closed_later.page_closed()
    new = registry.create(tiny(seed=3))
    assert registry.get(closed_first.id) is None
    assert [registry.get(run.id) for run in (watched, closed_later, new)] == [watched, closed_later, new]
    registry.create(tiny(seed=4))
    with pytest.raises(TooManyRuns):
        registry.create(tiny(seed=5))
    assert registry.get(watched.id) is watched
    registry.close()


def test_a_restart_that_fails_keeps_the_old_run() -> None:
    registry = Registry(InlineRunner)
    old = registry.create(tiny())
    old.send(Step(2))
    with pytest.raises(CannotStart, match="Dataset = 'nothing' is not possible"):
        registry.restart(old.id, tiny(dataset="nothing"))
    assert registry.get(old.id) is old
    snapshot = old.poll().snapshot
    assert snapshot is not None
    assert snapshot.iteration == 2
    assert old.folder.exists()
    registry.close()


def test_two_simultaneous_calls_on_a_full_server_both_create_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    def slowly(run_id: str, config: GANConfig, folder: Path) -> StubRunner:
        never.wait(0.2)  # never set: the other call comes while this run is being made
        return StubRunner(run_id, config, folder)

    registry = Registry(slowly, max_runs=3)
    for run in (registry.create(tiny()), registry.create(tiny())):
        run.page_closed()
    together = threading.Barrier(2, timeout=10)
    monkeypatch.setattr(registry, "sweep", together.wait)
    with ThreadPoolExecutor(2) as pool:
        made = [future.result() for future in [pool.submit(registry.create, tiny()) for _ in range(2)]]
    assert all(registry.get(run.id) is run for run in made)
    registry.close()
