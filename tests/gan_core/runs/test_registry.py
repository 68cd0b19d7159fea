"""The runs of a server: found by id, ended when their lease is over."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gan_core import GANConfig
from gan_core.export.weights import read_metadata
from gan_core.runs.budget import OverBudget
from gan_core.runs.inline import InlineRunner
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Command, Pause, Play, Reconfigure, Replay, Report, Step
from gan_core.runs.registry import GRACE, RETURN, Registry
from gan_core.runs.run import CannotStart
from gan_core.snapshot import Change, Recipe
from tests.gan_core.runs.support import room_for
from tests.gan_core.support import tiny

ME = "the secret of a browser"


class StubRunner:
    """A runner that does nothing and records its commands."""

    def __init__(self, run_id: str, config: GANConfig, folder: Path) -> None:
        self.run_id, self.config, self.folder = run_id, config, folder
        self.commands: list[Command] = []
        self.closed = threading.Event()

    def send(self, command: Command) -> None:
        self.commands.append(command)

    def poll(self, wait: float = 0.3) -> Report:
        """It trains from the beginning."""
        last = next((one for one in reversed(self.commands) if isinstance(one, Play | Pause)), Play())
        return Report("running" if isinstance(last, Play) else "paused")

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


class Pages:
    """Pages that a test opens and closes."""

    def __init__(self, *names: str) -> None:
        self.open = set(names)

    def is_open(self, page: str) -> bool:
        return page in self.open


def swept(registry: Registry, clock: SimpleNamespace, seconds: float, every: float = 10.0) -> None:
    """Let time pass, with the sweeps of a server."""
    for _ in range(round(seconds / every)):
        clock.now += every
        registry.sweep()


def test_a_run_on_an_open_page_never_ends_without_a_single_request(clock: SimpleNamespace) -> None:
    pages = Pages("watched", "closed")
    registry = Registry(StubRunner, is_open=pages.is_open)
    watched, closed = registry.create(tiny(), page="watched"), registry.create(tiny(), page="closed")
    pages.open.remove("closed")
    swept(registry, clock, GRACE)
    assert registry.get(closed.id) is closed, "its page can still be reopened"
    swept(registry, clock, 20)
    assert registry.get(closed.id) is None
    assert stub(closed).closed.is_set()
    assert not closed.folder.exists()
    swept(registry, clock, 24 * 3600, every=60)
    assert registry.get(watched.id) is watched
    assert not stub(watched).commands, "nor is it paused"
    pages.open.remove("watched")
    swept(registry, clock, GRACE + 20)
    assert registry.get(watched.id) is None
    registry.close()


def test_requests_do_not_keep_a_run_whose_page_was_closed(clock: SimpleNamespace) -> None:
    pages = Pages()
    registry = Registry(StubRunner, is_open=pages.is_open, grace=60)
    run = registry.create(tiny(), page="closed")
    for _ in range(8):
        swept(registry, clock, 10)
        run.poll()
        run.send(Play())
    assert registry.get(run.id) is None
    registry.close()


def test_a_run_is_paused_once_after_its_page_was_closed(clock: SimpleNamespace) -> None:
    pages = Pages("closed", "reloaded", "open")
    registry = Registry(StubRunner, is_open=pages.is_open, pause_after=10, grace=60)
    closed, reloaded, open_ = (registry.create(tiny(), page=page, owner=ME) for page in ("closed", "reloaded", "open"))
    for run in (closed, reloaded, open_):
        run.send(Play())
    pages.open -= {"closed", "reloaded"}
    registry.sweep()
    clock.now += 9
    pages.open.add("again")
    assert registry.adopt(reloaded.id, "again", ME) is reloaded
    registry.sweep()
    assert stub(closed).commands == [Play()]
    clock.now += 2
    registry.sweep()
    registry.sweep()
    assert stub(closed).commands == [Play(), Pause()]
    assert stub(reloaded).commands == [Play()]
    assert stub(open_).commands == [Play()]
    assert registry.get(closed.id) is closed  # its page can still be reopened
    registry.close()


def test_a_connection_that_comes_back_cancels_the_pause(clock: SimpleNamespace) -> None:
    """A page that reconnects has its old name, and asks for nothing."""
    pages = Pages("page")
    registry = Registry(StubRunner, is_open=pages.is_open, pause_after=10, grace=60)
    run = registry.create(tiny(), page="page")
    run.send(Play())
    for _ in range(20):
        pages.open.remove("page")
        swept(registry, clock, 8, every=2)
        pages.open.add("page")
        swept(registry, clock, 2, every=2)
    assert stub(run).commands == [Play()]
    assert registry.get(run.id) is run
    pages.open.remove("page")
    swept(registry, clock, 14, every=2)
    assert stub(run).commands == [Play(), Pause()]
    pages.open.add("page")
    swept(registry, clock, 2, every=2)
    assert stub(run).commands == [Play(), Pause(), Play()], "it trains on as the page left it"
    pages.open.remove("page")
    swept(registry, clock, 14, every=2)
    assert stub(run).commands == [Play(), Pause(), Play(), Pause()]
    registry.close()


def test_a_page_that_comes_back_finds_its_run_rebuilding(clock: SimpleNamespace) -> None:
    pages = Pages("page")
    registry = Registry(InlineRunner, is_open=pages.is_open, pause_after=10, grace=60)
    run = registry.create(tiny(), page="page")
    recipe = Recipe(1_000_000, (Change(900_000, {"g_steps": 1}),))
    run.send(Replay(recipe))
    pages.open.remove("page")
    swept(registry, clock, 14, every=2)
    assert run.poll().state == "paused"
    pages.open.add("page")
    registry.sweep()
    report = run.poll()
    assert report.state == "running"
    assert report.snapshot is not None
    assert report.snapshot.rebuilding == recipe
    registry.close()


def test_a_run_that_another_open_page_shows_is_not_handed_over() -> None:
    pages = Pages("first", "second")
    registry = Registry(StubRunner, is_open=pages.is_open)
    run = registry.create(tiny(), page="first", owner=ME)
    assert registry.adopt(run.id, "second", ME) is None
    assert registry.adopt(run.id, "first", ME) is run
    pages.open.remove("first")
    assert registry.adopt(run.id, "second", ME) is run
    assert run.pages == {"second"}, "the first page has lost it"
    assert registry.adopt(run.id, "third", ME) is None
    assert registry.adopt("nothing", "second", ME) is None
    registry.close()


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_restarted_or_restored_run_belongs_to_the_same_pages(clock: SimpleNamespace, restarts: int) -> None:
    pages = Pages("page")
    registry = Registry(InlineRunner, is_open=pages.is_open, grace=60)
    run = registry.create(tiny(), page="page")
    run.send(Step(1))
    now = registry.restart(run.id, tiny(seed=2))
    if not restarts:
        assert registry.undo(run.id) is run
        now = run
    swept(registry, clock, 100)
    assert registry.get(run.id) is now
    pages.open.clear()
    swept(registry, clock, 80)
    assert registry.get(run.id) is None
    registry.close()


def test_a_full_server_raises_until_a_lease_is_over(clock: SimpleNamespace) -> None:
    pages = Pages("first", "second")
    registry = Registry(**room_for(2, StubRunner), is_open=pages.is_open, grace=60)
    first, second = registry.create(tiny(), page="first"), registry.create(tiny(), page="second")
    clock.now += 1000
    with pytest.raises(
        OverBudget,
        match=r"^This run would take 39 MB of memory, and 0 MB of .* are free: .* when another run has ended\.$",
    ):
        registry.create(tiny())
    pages.open.remove("first")
    registry.sweep()
    clock.now += 61
    third = registry.create(tiny())
    assert registry.get(first.id) is None
    assert registry.get(second.id) is second
    assert registry.get(third.id) is third
    registry.close()


def test_reconfigure_is_sent_and_changes_the_runs_config() -> None:
    registry = Registry(StubRunner)
    run = registry.create(tiny())
    run.send(Reconfigure(tiny(g_steps=5)))
    assert run.config == tiny(g_steps=5)
    assert stub(run).commands == [Reconfigure(tiny(g_steps=5))]
    registry.close()


def test_sweeping_in_the_background_ends_runs_until_the_registry_closes() -> None:
    registry = Registry(StubRunner, is_open=lambda page: False, grace=0)
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
    pages = Pages("0", "1", "2")
    registry = Registry(**room_for(3, StubRunner), is_open=pages.is_open)
    watched, closed_first, closed_later = (registry.create(tiny(seed=seed), page=str(seed)) for seed in range(3))
    pages.open.remove("1")
    registry.sweep()
    clock.now += RETURN - 1
    pages.open.remove("2")
    with pytest.raises(OverBudget):
        registry.create(tiny(seed=3))  # both may be reloading
    clock.now += 1
    new = registry.create(tiny(seed=3), page="0")
    assert registry.get(closed_first.id) is None
    assert [registry.get(run.id) for run in (watched, closed_later, new)] == [watched, closed_later, new]
    clock.now += RETURN
    registry.create(tiny(seed=4), page="0")
    with pytest.raises(OverBudget):
        registry.create(tiny(seed=5))
    assert registry.get(watched.id) is watched
    registry.close()


def test_a_run_that_made_room_cannot_be_undone(clock: SimpleNamespace) -> None:
    registry = Registry(**room_for(2, InlineRunner), is_open=lambda page: False)
    run = registry.create(tiny())
    run.send(Step(1))
    registry.restart(run.id, tiny(seed=2))
    assert registry.can_undo(run.id)
    registry.sweep()
    clock.now += RETURN
    registry.create(tiny(seed=3))
    assert not registry.can_undo(run.id)
    assert not run.folder.exists()
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

    registry = Registry(**room_for(3, slowly), is_open=lambda page: False)
    for run in (registry.create(tiny()), registry.create(tiny())):
        run.closed_at = -math.inf
    monkeypatch.setattr(registry, "sweep", lambda: None)
    with ThreadPoolExecutor(2) as pool:
        made = [future.result() for future in [pool.submit(registry.create, tiny()) for _ in range(2)]]
    assert all(registry.get(run.id) is run for run in made)
    registry.close()
