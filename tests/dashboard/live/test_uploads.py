"""Uploads are refused before they are read where there is no room, and their memory comes back."""

import asyncio
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from dashboard.live import uploads
from dashboard.live.uploads import MAX_SERVER, MAX_VISITOR, MIB, UploadLimit


class Uploads:
    """A server that keeps what is uploaded, as far as the limit lets it; nothing is read."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.limit = UploadLimit(self._keep, lambda: self.kept)

    async def _keep(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)  # other uploads come meanwhile
        session, length = scope["path"].split("/")[-2], dict(scope["headers"]).get(b"content-length", b"0")
        if scope["method"] == "PUT":
            self.kept[session] = self.kept.get(session, 0) + int(length)
        await Response(status_code=204)(scope, receive, send)

    async def ask(self, session: str, length: int | None, method: str = "PUT") -> int:
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        path = f"/base/_stcore/upload_file/{session}/file"
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
        sent: list[Message] = []

        async def receive() -> Message:
            raise AssertionError("the limit reads nothing")

        async def send(message: Message) -> None:
            sent.append(message)

        await self.limit(scope, receive, send)
        return int(sent[0]["status"])


def answers(*requests: tuple[str, int | None], server: Uploads | None = None) -> list[int]:
    """Return the answers to uploads that come at once."""
    server = server or Uploads()
    found: list[int] = []

    async def ask_all() -> None:
        found.extend(await asyncio.gather(*(server.ask(*request) for request in requests)))

    thread = threading.Thread(target=lambda: asyncio.run(ask_all()))  # this one may be Playwright's, which has a loop
    thread.start()
    thread.join()
    return found


def test_a_visitor_may_hold_the_largest_file_and_no_flood() -> None:
    assert answers(*[("me", 43 * MIB)] * 24).count(204) == MAX_VISITOR // (43 * MIB)
    assert answers(("me", 128 * MIB)) == [204]


def test_all_visitors_together_hold_no_more_than_the_servers_limit() -> None:
    requests = [(f"visitor {number}", 43 * MIB) for number in range(24)]
    server = Uploads()
    assert answers(*requests, server=server).count(413) == 24 - MAX_SERVER // (43 * MIB)
    assert sum(server.kept.values()) <= MAX_SERVER
    server.kept.clear()
    assert answers(requests[0], server=server) == [204], "what has ended takes no room"


def test_an_upload_of_unknown_length_is_refused() -> None:
    assert answers(("me", None)) == [411]


def test_a_file_can_be_removed_where_no_more_fits() -> None:
    server = Uploads()
    server.kept["me"] = MAX_VISITOR
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(server.ask("me", None, "DELETE"))))
    thread.start()
    thread.join()
    assert found == [204]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_uploads_of_a_page_that_was_left_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("/upload")
    instance = SimpleNamespace(uploaded_file_mgr=manager)
    monkeypatch.setattr(uploads, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: instance))
    before = resident()
    for number in range(10):
        manager.add_file("left", UploadedFileRec(str(number), "a.csv", "text/csv", bytes([1]) * (40 * MIB)))
    cycle = [manager.file_storage["left"]["0"].data[1:]]
    cycle.append(cycle)  # type: ignore[arg-type]  # as an ended session leaves: only a collection frees it
    del cycle
    assert uploads.held() == {"left": 400 * MIB}
    assert resident() - before > 400 * MIB
    uploads.forget("left")
    assert uploads.held() == {}
    assert resident() - before < 20 * MIB


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
