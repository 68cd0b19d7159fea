"""Each browser gets a secret of its own, with whatever answer it gets when it first opens a page."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http.cookies import Morsel, SimpleCookie

import pytest
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message

from dashboard.live.browser import COOKIE, BrowserSecret

PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


def secret(accept: str, cookie: str = "", status: int = 200) -> Morsel[str] | None:
    """Return the cookie that comes with an answer to a browser that asks for ``accept``, if one does."""
    headers = [(b"accept", accept.encode()), (b"cookie", cookie.encode())]
    scope = {"type": "http", "scheme": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("a question without a body")

    async def send(message: Message) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as thread:  # this one may be Playwright's, which has a loop
        thread.submit(asyncio.run, BrowserSecret(Response(status_code=status))(scope, receive, send)).result()
    return SimpleCookie(Headers(raw=sent[0]["headers"]).get("set-cookie", "")).get(COOKIE)


@pytest.mark.parametrize("status", [200, 304], ids=["a new page", "the browser's own copy is the newest"])
def test_each_browser_gets_a_secret(status: int) -> None:
    found, another = secret(PAGE, status=status), secret(PAGE, status=status)
    assert found is not None
    assert another is not None
    assert len(found.value) >= 32
    assert found.value != another.value
    assert found["httponly"]
    assert found["samesite"] == "Lax"


def test_a_browser_keeps_its_secret() -> None:
    assert secret(PAGE, cookie=f"{COOKIE}=mine") is None


def test_a_script_brings_none() -> None:
    """Its answer might arrive after the page's, with another secret."""
    assert secret("*/*") is None
