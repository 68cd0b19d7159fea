"""A secret of each browser, in a cookie: with it a browser comes back to its runs, which their addresses alone do not open."""

import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "gan_browser"
YEAR = 365 * 24 * 3600  # seconds


class BrowserSecret:
    """Middleware that gives each browser its secret with the first page that it opens. No script can read it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_new = scope["type"] == "http" and _asks_for_page(HTTPConnection(scope))

        async def send_with_secret(message: Message) -> None:
            if is_new and message["type"] == "http.response.start":
                secure = "; Secure" if scope["scheme"] == "https" else ""
                cookie = f"{COOKIE}={secrets.token_urlsafe(24)}; Max-Age={YEAR}; Path=/; HttpOnly; SameSite=Lax{secure}"
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_secret)


def _asks_for_page(request: HTTPConnection) -> bool:
    """Return whether a browser without a secret opens a page; the answer may be that its own copy is still the newest."""
    return COOKIE not in request.cookies and "text/html" in request.headers.get("accept", "")
