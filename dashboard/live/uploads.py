"""What visitors may have uploaded at once: Streamlit holds it in the page's process, in memory."""

import ctypes
import gc
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime

MIB = 2**20
MAX_VISITOR = 192 * MIB  # bytes of one page; the largest file that a page takes has 128 MiB
MAX_SERVER = 512 * MIB  # bytes of all pages
UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")


def _manager() -> Any:
    return runtime.get_instance().uploaded_file_mgr if runtime.exists() else None


def held() -> dict[str, int]:
    """Return the bytes of the uploads that Streamlit holds, by session."""
    stored: Mapping[str, Mapping[str, Any]] = getattr(_manager(), "file_storage", {})
    return {session: sum(len(file.data) for file in list(files.values())) for session, files in list(stored.items())}


def forget(session: str) -> None:
    """Remove the uploads of a page that has been left, which Streamlit would keep as long as the session, and return memory."""
    if (manager := _manager()) is not None:
        manager.remove_session_files(session)
    return_memory()


class UploadLimit:
    """Middleware that answers 413 to an upload for which there is no room, before it is read.

    An upload under way counts in full. One that does not say how long it is gets 411.
    """

    def __init__(self, app: ASGIApp, held: Callable[[], dict[str, int]] = held) -> None:
        self._app = app
        self._held = held
        self._coming: list[tuple[str, int]] = []  # session and bytes of those under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = UPLOAD.search(scope.get("path", "")) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        length = HTTPConnection(scope).headers.get("content-length", "")
        if not length.isdecimal():
            await PlainTextResponse("The upload does not say how long it is.", 411)(scope, receive, send)
            return
        upload = (found[1], int(length))
        if problem := self._problem(*upload):
            await PlainTextResponse(problem, 413)(scope, receive, send)
            return
        self._coming.append(upload)
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming.remove(upload)

    def _problem(self, session: str, length: int) -> str:
        kept = self._held()
        mine = kept.get(session, 0) + sum(size for owner, size in self._coming if owner == session)
        if mine + length > MAX_VISITOR:
            return f"A page may hold {MAX_VISITOR // MIB} MB of uploads at once. Remove a file first."
        if sum(kept.values()) + sum(size for _, size in self._coming) + length > MAX_SERVER:
            return "The uploads of this server's visitors take all the memory that they may. Try again in a minute."
        return ""


def return_memory() -> None:
    """Collect what sessions that have ended leave, and give the memory back to the system where glibc keeps it.

    Streamlit's own collection after each script run is switched off, because it costs more than the run.
    """
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
