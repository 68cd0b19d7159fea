"""The server ends as Ctrl-C ends it, whichever signal ends it: its run is saved, and no process or folder is left."""

import signal
import sys
from pathlib import Path

import pytest

from benchmarks.visitor import Visitor
from gan_core.runs.saved import RUN_FILE
from tests.serving import serving, train, wait_until_gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the processes from /proc")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_saves_the_runs_and_leaves_nothing_else(name: str, tmp_path: Path) -> None:
    runs, number = tmp_path / "runs", getattr(signal, name)
    # A shell that starts the tests in the background has them ignore Ctrl-C, and the server would inherit that.
    listen = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    with serving(tmp_path, preexec_fn=listen) as server, Visitor(server.address, "dataset=ring") as trains:
        train(trains)
        with Visitor(server.address, "dataset=ring") as looks:
            looks.open()
            assert len(list(runs.iterdir())) == 2
            server.process.send_signal(number)
            server.process.wait(20)
        wait_until_gone(server.process.pid)
    assert [(folder / RUN_FILE).exists() for folder in runs.iterdir()] == [True]


def test_a_hang_up_that_the_server_is_to_ignore_does_not_end_it(tmp_path: Path) -> None:
    """``nohup`` lets a server outlive its terminal so."""
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with serving(tmp_path, preexec_fn=ignore) as server, Visitor(server.address) as looks:
        server.process.send_signal(signal.SIGHUP)
        looks.open()
        assert server.process.poll() is None
