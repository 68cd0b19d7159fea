"""A real server with little memory: no link and no flood of uploads takes more of it."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.visitor import Visitor
from dashboard.live.uploads import MAX_SERVER, MIB
from tests.serving import ROOT, Server, processes_of, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
COMMAND = (
    sys.executable, "-m", "tests.dashboard.short_absence", "run", str(ROOT / "dashboard" / "app.py"),
    "--server.headless=true", "--server.enableXsrfProtection=false",
)  # fmt: skip
GIANT = "generator_hidden={0}&discriminator_hidden={0}&batch_size=1024".format(",".join(["4096"] * 6))
FILE = 20 * MIB
FLOOD = 27  # files: 540 MB, of which 500 fit


class Reader(Visitor):
    """A visitor who keeps the texts of the page, by panel."""

    def __init__(self, address: str, query: str = "") -> None:
        super().__init__(address, query)
        self.texts: dict[str, str] = {}

    def _see(self, name: str, payload: dict[str, Any]) -> None:
        super()._see(name, payload)
        if "lines" in payload:
            self.texts[name] = "".join(span.get("text", "") for line in payload["lines"] for span in line)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose runs may take 1 GB together, and each of them 250 MB."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, COMMAND, environment={"GAN_MEMORY": "1 GB"}, cwd=ROOT) as found:
        yield found


def resident(pid: int) -> int:
    """Return the bytes of memory that this process has now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_a_giant_link_is_refused_with_what_would_fit_and_costs_no_process(server: Server) -> None:
    with Reader(server.address, "dataset=ring") as other:
        other.open()
        other.until(lambda: other.can("Start"))  # the process that shows untrained runs has begun
        before, memory = processes_of(server.process.pid), resident(server.process.pid)
        with Reader(server.address, GIANT) as visitor:
            visitor.open()
            said = visitor.texts["text_notice"]
            assert "This run would take 4.28 GB of memory, and a run may take 250 MB here." in said
            assert "would fit." in said
            assert processes_of(server.process.pid) == before
            assert resident(server.process.pid) - memory < 100 * MIB
        other.click("Start")
        other.until(lambda: other.status is not None and other.status.iteration > 0)


def test_uploads_are_refused_beyond_a_total_and_their_memory_comes_back_after_the_pages_were_left(
    server: Server,
) -> None:
    with ExitStack() as stack:
        visitors = [stack.enter_context(Visitor(server.address)) for _ in range(3)]
        for visitor in visitors:
            visitor.open()
        before = resident(server.process.pid)
        connection = stack.enter_context(Upload(server.address))
        answers = [connection.put(visitors[number % 3].session, f"file{number}") for number in range(FLOOD)]
        fit = MAX_SERVER // FILE
        assert answers == [204] * fit + [413] * (FLOOD - fit)
        assert resident(server.process.pid) - before > 400 * MIB
    deadline = time.monotonic() + 15
    while resident(server.process.pid) - before > 60 * MIB:
        assert time.monotonic() < deadline, resident(server.process.pid) - before
        time.sleep(0.1)  # nothing signals that the memory is back


class Upload:
    """Uploads files as a page does."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=20)

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def put(self, session: str, name: str) -> int:
        """Upload one file; return the status of the answer."""
        start = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.csv"\r\n\r\n'
        end = b"\r\n--x--\r\n"
        body = start + bytes(FILE - len(start) - len(end)) + end
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        self._connection.request("PUT", f"/_stcore/upload_file/{session}/{name}", body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status
