"""Saved runs on disk: who may open them, what a dead server leaves, and how much they may take."""

import os
import random
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from gan_core.files import PARTIAL
from gan_core.runs.inline import InlineRunner
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Step
from gan_core.runs.registry import Registry
from gan_core.runs.run import Run
from gan_core.runs.saved import RUN_FILE
from gan_core.runs.store import LOCK_FILE, Access, Store, digest, runs_folder
from gan_core.training.checkpoint import CheckpointError, read_header
from tests.gan_core.runs.support import room_for, trained, weights
from tests.gan_core.support import same, tiny

ME, SOMEBODY = "the secret of my browser", "the secret of another"


def registry_in(root: Path, **options: object) -> Registry:
    return Registry(**{"make_runner": InlineRunner, "store": Store(root), **options})  # type: ignore[arg-type]


def trained_run(registry: Registry, iterations: int = 3, page: str = "page") -> Run:
    run = registry.create(tiny(), page=page, owner=ME)
    run.send(Step(iterations))
    run.poll(30)
    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


# After the server's end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["close", "death"])
def test_a_new_server_opens_the_run_of_the_same_browser(root: Path, ends: str) -> None:
    first = Registry(ProcessRunner, store=Store(root))
    run = trained_run(first)
    if ends == "close":
        first.close()
    else:  # the system gives back what a dead process held
        run.runner.close()
        first.store._locks[run.folder].release()
    second = registry_in(root)
    again = second.adopt(run.id, "another page", ME)
    assert again is not None
    snapshot = again.poll().snapshot
    assert snapshot is not None
    assert (snapshot.iteration, again.config) == (3, tiny())
    again.send(Step(2))
    again.close()
    assert same(weights(again.folder), trained(5))


def test_a_run_whose_process_was_ended_opens_at_its_address(root: Path) -> None:
    registry = registry_in(root)
    run = trained_run(registry)
    registry.end(run.id)
    assert registry.get(run.id) is None
    assert registry.has_saved(run.id)
    again = registry.adopt(run.id, "page", ME)
    assert again is not None
    assert again is registry.get(run.id) is not run
    assert again.access.feed == run.access.feed
    registry.close()


def test_a_full_server_ends_nobodys_work(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.runs.registry.RETURN", 0.0)
    registry = registry_in(root, **room_for(2, InlineRunner), is_open=lambda page: False)
    runs = [trained_run(registry, count) for count in range(1, 6)]
    assert len(registry._runs) == 2
    for count, run in enumerate(runs, 1):
        again = registry.adopt(run.id, "page", ME)
        assert again is not None
        assert again.poll().snapshot.iteration == count  # type: ignore[union-attr]
    registry.close()


def test_an_untrained_run_leaves_nothing(root: Path) -> None:
    registry = registry_in(root)
    run = registry.create(tiny(), owner=ME)
    registry.close()
    assert not run.folder.exists()
    assert not registry_in(root).has_saved(run.id)


def test_a_damaged_save_is_refused_with_a_sentence_and_stays(root: Path) -> None:
    registry = registry_in(root)
    run = trained_run(registry)
    registry.end(run.id)
    (run.folder / RUN_FILE).write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="cannot be opened: It is not a run"):
        registry.adopt(run.id, "page", ME)
    assert (run.folder / RUN_FILE).read_bytes() == b"something else"
    registry.close()


SERVER = """
import sys
from pathlib import Path
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Play
from gan_core.runs.registry import Registry
from gan_core.runs.store import Store
from tests.gan_core.runs.support import room_for
from tests.gan_core.support import tiny

if __name__ == "__main__":
    registry = Registry(ProcessRunner, store=Store(Path(sys.argv[1])))
    registry.store.sweep()
    run = registry.adopt(sys.argv[2], "page", "me") if len(sys.argv) > 2 else registry.create(tiny(), owner="me")
    run.poll(30)
    run.send(Play())
    print(run.id, run.runner.pid, flush=True)
    while True:
        run.poll(0.2)
"""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] == "Z"  # nobody waits for a dead server's child here


@pytest.mark.skipif(os.name == "nt", reason="nothing kills a process at once")
def test_after_a_kill_of_the_server_at_any_moment_its_run_continues_and_nothing_is_left(root: Path) -> None:
    moments, run_id, reached = random.Random(5), [], 0
    for _ in range(int(os.environ.get("GAN_KILLS", "2"))):
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, str(root), *run_id], stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            run, child = server.stdout.readline().split()
            time.sleep(moments.uniform(0, 0.5))  # any moment, within a save or outside
            server.kill()
        deadline = time.monotonic() + 20
        while not gone(int(child)):
            assert time.monotonic() < deadline, "the training process ends with its server"
            time.sleep(0.02)  # no child of this process, so nothing can wait for it
        found = Store(root).find(run)
        assert found is not None, "its process has saved it"
        run_id, now = [run], read_header(found[0] / RUN_FILE)["iteration"]
        assert now >= reached
        reached = now
    Store(root).sweep()
    assert list(root.iterdir()) == [found[0]], "nothing is left but the run"
    assert not list(found[0].glob(f"{PARTIAL}*"))
    registry = registry_in(root)
    again = registry.adopt(run, "page", "me")
    assert again is not None
    again.send(Step(3))
    again.close()
    assert same(weights(again.folder), trained(reached + 3))


# Whose it is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("saved", [False, True], ids=["in memory", "saved"])
def test_only_the_browser_or_the_private_link_opens_a_run(root: Path, saved: bool) -> None:
    registry = registry_in(root, is_open=lambda page: False)
    run = trained_run(registry)
    if saved:
        registry.end(run.id)
    key = run.access.key
    assert registry.adopt(run.id, "thief", SOMEBODY) is None
    assert registry.adopt(run.id, "thief", "") is None
    assert registry.adopt(run.id, "thief", SOMEBODY, key[:-1]) is None
    assert registry.adopt(run.id, "mine again", ME) is not None
    registry.end(run.id)
    assert registry.adopt(run.id, "other device", SOMEBODY, key) is not None
    registry.end(run.id)
    assert registry.adopt(run.id, "reloaded there", SOMEBODY) is not None, "the device is an owner now"
    registry.close()


def test_neither_a_folder_nor_its_file_names_the_id_or_the_browser(root: Path) -> None:
    registry = registry_in(root)
    run = trained_run(registry)
    assert run.id not in str(run.folder)
    text = (run.folder / "run.json").read_text()
    assert run.id not in text
    assert ME not in text
    assert run.access.feed not in text
    for path in (root, run.folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700 or os.name == "nt"
    registry.close()


@pytest.mark.parametrize("saved", [False, True], ids=["in memory", "saved"])
def test_of_pages_that_open_a_run_at_once_one_gets_it(root: Path, saved: bool) -> None:
    for _ in range(20):
        closed = {"page"}
        registry = registry_in(root, is_open=lambda page, closed=closed: page not in closed)
        run = trained_run(registry, 1)
        if saved:
            registry.end(run.id)
        together = threading.Barrier(3, timeout=10)

        def opening(
            page: str, registry: Registry = registry, run: Run = run, all_: threading.Barrier = together
        ) -> Any:
            all_.wait()
            return registry.adopt(run.id, page, ME)

        with ThreadPoolExecutor(3) as pool:
            got = list(pool.map(opening, ("a", "b", "c")))
        assert sum(one is not None for one in got) == 1
        registry.close()


def test_a_page_that_lost_its_run_to_another_tab_does_not_pause_it(root: Path) -> None:
    open_pages = {"first"}
    registry = registry_in(root, is_open=lambda page: page in open_pages)
    run = trained_run(registry, page="first")
    open_pages.clear()
    assert registry.adopt(run.id, "second", ME) is run
    open_pages |= {"first", "second"}
    assert run.pages == {"second"}
    registry.close()


# What is left, and how much --------------------------------------------------------------------------------------


def test_sweep_removes_what_a_dead_server_left_and_nobody_can_open(root: Path) -> None:
    first = registry_in(root)
    kept, untrained = trained_run(first), first.create(tiny(), owner=ME)
    replaced = trained_run(first)
    first.restart(replaced.id, tiny(seed=2))
    upload = first.store.make_folder("tab-")
    (upload / "own.npy").write_bytes(b"x")
    second = Store(root)
    second.sweep()
    assert all(folder.exists() for folder in (kept.folder, untrained.folder, replaced.folder, upload)), (
        "a server has them"
    )
    for lock in first.store._locks.values():
        lock.release()  # it dies
    second.sweep()
    assert list(root.iterdir()) == [kept.folder]


def test_a_sweep_that_looks_into_a_folder_keeps_nobody_from_opening_its_run(root: Path) -> None:
    """A server that begins sweeps while the pages of the one before come back."""
    store, folder = Store(root), root / "run"
    folder.mkdir(parents=True)
    other = FileLock(folder / LOCK_FILE, thread_local=False)  # another server's sweep
    other.acquire()
    threading.Timer(0.2, other.release, [True]).start()
    assert store.hold(folder)
    store.release(folder)


def test_a_folder_that_another_server_holds_is_not_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.runs.store.LONGEST_SWEEP", 0.05)
    one, other = Store(root), Store(root)
    folder = one.make_folder()
    assert not other.hold(folder)
    one.release(folder)


def test_the_runs_unused_longest_go_first_and_no_open_one(root: Path) -> None:
    registry = registry_in(root)
    runs = [trained_run(registry) for _ in range(4)]
    for age, run in enumerate(runs[1:]):
        registry.end(run.id)
        os.utime(run.folder, (1000 - age, 1000 - age))
    size = 1.1 * sum(path.stat().st_size for path in runs[0].folder.rglob("*"))
    Store(root, limit=int(3 * size)).sweep()
    assert [run.folder.exists() for run in runs] == [True, True, True, False]
    Store(root, limit=0).sweep()
    assert [run.folder.exists() for run in runs] == [True, False, False, False]
    registry.close()


def test_runs_are_kept_where_gan_runs_dir_says_or_in_the_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAN_RUNS_DIR", str(tmp_path / "here"))
    assert runs_folder() == tmp_path / "here"
    monkeypatch.delenv("GAN_RUNS_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert runs_folder() == tmp_path / "data" / "gan-training-dashboard" / "runs"
    monkeypatch.setattr("gan_core.runs.store.is_writable", lambda folder: False)
    assert runs_folder().is_absolute()
    assert not runs_folder().is_relative_to(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "\xff", '{"id": 1}'])
def test_an_access_file_that_cannot_be_read_opens_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="latin-1")
    assert Access.read(tmp_path) is None
    assert not Access(digest("id"), owners=[]).admit("", "")


def test_on_a_file_system_without_locks_runs_begin_and_sweep_leaves_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("gan_core.runs.store.FileLock.acquire", no_locks)
    registry = registry_in(root)
    run = trained_run(registry)
    Store(root, limit=0).sweep()
    assert run.folder.exists(), "nobody can know that no other server has it"
    registry.end(run.id)
    assert registry.adopt(run.id, "page", ME) is not None
    registry.close()
