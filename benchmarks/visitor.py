"""A page without a browser: what a browser asks of a Streamlit server, and nothing that it would draw."""

import json
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Button_pb2 import Button
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

TIMEOUT = 60.0  # seconds after which something that should come is given up
ITERATION = re.compile(r"Iteration ([\d,]+)")  # in the status line
STATUS = "status"
FAKES = ("picture_fakes", "plot_plane")  # the panels that show the fakes: as images, as points
SUBPROTOCOLS = ("streamlit", "no-token")  # the second one stands where a browser sends its token; only a login needs it
ENCODINGS = "gzip, deflate, br, zstd"  # what a browser accepts


@dataclass(frozen=True)
class Seen:
    """An iteration that the page showed, and when it came, on time.perf_counter()'s clock."""

    iteration: int
    at: float


@dataclass
class _Following:
    """What the page's script asks for: where, every how many seconds, and when the clock stands at ``due``.

    ``outdated``: after how many answers in a row that ask for it the page is drawn again; ``outdated_seen``: so far.
    """

    address: str
    every: float
    outdated: int
    due: float
    since: int = -1
    turn: int = 0  # answers that had payloads
    repeats: int = 0  # of these, how many were of revision ``since``
    outdated_seen: int = 0


class Visitor:
    """One open page.

    ``address``: as in a browser, without a query; ``query``: what a browser's address would have after the "?".
    ``status`` is the newest iteration in the status line, ``picture`` that of the newest fakes.
    """

    def __init__(self, address: str, query: str = "") -> None:
        self._address, self._query = address, query
        self._http = HTTPConnection(urlsplit(address).netloc, timeout=TIMEOUT)
        self._connections = ExitStack()
        self._following: _Following | None = None
        self._buttons: dict[tuple[int, ...], Button] = {}
        self._drawn: set[tuple[int, ...]] = set()  # places of the buttons that this run of the page has drawn
        self.session = ""  # its name on the server, once it is connected
        self._page = ""  # the hash of the page's script
        self._sizes: list[int] = []  # bytes of each update, headers included
        self.loads = 0  # runs of the whole page that have ended
        self.status: Seen | None = None
        self.picture: Seen | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect, and wait until the first run of the page has ended."""
        address = self._address.replace("http", "ws", 1).rstrip("/") + "/_stcore/stream"
        # Without limits, as a browser: a server that had to wait for this end would look slower than it is.
        socket = connect(address, subprotocols=SUBPROTOCOLS, max_size=None, max_queue=None)  # type: ignore[arg-type]
        self._socket = self._connections.enter_context(socket)
        self._rerun()
        self.until(lambda: self.loads > 0)

    def close(self) -> None:
        """Close the page as a tab is closed. Closing twice is fine."""
        self._connections.close()
        self._http.close()

    def can(self, label: str) -> bool:
        """Return whether a button of this label can be pressed."""
        return self._button(label) is not None

    def click(self, label: str) -> float:
        """Press the button of this label; return when that was, on time.perf_counter()'s clock."""
        button = self._button(label)
        if button is None:
            raise LookupError(f"There is no button {label!r} that could be pressed.")
        at = time.perf_counter()
        self._rerun(button=button.id)
        return at

    def stay(self, seconds: float) -> list[int]:
        """Follow the run for so long, as the page's script does; return the bytes of each update."""
        before = len(self._sizes)
        self._listen(time.perf_counter() + seconds, lambda: False)
        return self._sizes[before:]

    def ignore(self, seconds: float) -> None:
        """Keep the page open and ask for nothing, as a browser does with a hidden tab."""
        self._listen(time.perf_counter() + seconds, lambda: False, following=False)

    def until(self, condition: Callable[[], bool], seconds: float = TIMEOUT) -> None:
        """Stay until this holds; TimeoutError if it does not within so many seconds."""
        if not self._listen(time.perf_counter() + seconds, condition):
            raise TimeoutError(f"The page did not come that far within {seconds:g} seconds.")

    def poll(self) -> Seen:
        """Ask for an update now; return the iteration that it shows. Waits for a run to follow."""
        asked_at = time.perf_counter()
        while self.status is None or self.status.at < asked_at:
            self.until(lambda: self._following is not None)
            if self._following is not None:
                self._following.since = -1
                self._ask(self._following)
        return self.status

    # What goes out ------------------------------------------------------------------------------------------

    def _rerun(self, button: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page
        if button:
            state.widget_states.widgets.add(id=button, trigger_value=True)
        else:
            state.widget_states.SetInParent()
        self._socket.send(message.SerializeToString())

    def _ask(self, following: _Following) -> None:
        asked_at = time.perf_counter()
        following.due = asked_at + following.every
        base = urlsplit(self._address).path.rstrip("/")
        address = (
            f"{base}/{following.address}&since={following.since}&turn={following.turn}&repeats={following.repeats}"
        )
        answer = self._get(address)
        body = answer.read()
        self._sizes.append(len(body) + sum(len(name) + len(value) + 4 for name, value in answer.getheaders()))
        content = json.loads(body)
        if content["revision"] != following.since:
            following.since, following.repeats = content["revision"], 0
        following.turn += bool(content["panels"])
        following.repeats += bool(content["panels"])
        for name, payload in content["panels"].items():
            self._see(name, payload)
        following.outdated_seen = following.outdated_seen + 1 if content["redraw"] else 0
        if following.outdated_seen >= following.outdated:
            self._rerun()
            following.outdated_seen = 0

    def _get(self, address: str) -> HTTPResponse:
        """Ask once more where the server has closed an idle connection meanwhile, as a browser does."""
        for is_last in (False, True):
            try:
                self._http.request("GET", address, headers={"Accept-Encoding": ENCODINGS})
                return self._http.getresponse()
            except ConnectionError:  # RemoteDisconnected is one
                self._http.close()
                if is_last:
                    raise
        raise AssertionError("the last request returns or raises")

    # What comes in ------------------------------------------------------------------------------------------

    def _listen(self, deadline: float, done: Callable[[], bool], following: bool = True) -> bool:
        """Take what comes until ``done``, True, or until the deadline."""
        while not done():
            now, due = time.perf_counter(), deadline
            if now >= deadline:
                return False
            if following and self._following is not None:
                due = min(deadline, self._following.due)
            try:
                message = self._socket.recv(timeout=max(0.0, due - now))
            except TimeoutError:  # time for an update, or the deadline
                if following and self._following is not None and self._following.due <= time.perf_counter():
                    self._ask(self._following)
                continue
            assert isinstance(message, bytes)
            self._take(ForwardMsg.FromString(message))
        return True

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._page = message.new_session.page_script_hash
            self.session = message.new_session.initialize.session_id
            self._drawn.clear()
        elif kind == "delta":
            self._draw(tuple(message.metadata.delta_path), message.delta)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            self.loads += 1
            self._buttons = {place: self._buttons[place] for place in self._drawn if place in self._buttons}

    def _draw(self, place: tuple[int, ...], delta: Delta) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        self._buttons.pop(place, None)
        if kind == "button":
            self._buttons[place] = element.button
            self._drawn.add(place)
        elif kind == "bidi_component" and "panel" in (data := json.loads(element.bidi_component.json)):
            self._see(data["panel"], data["payload"])
            if "follow" in data:
                self._follow(data["follow"])

    def _follow(self, settings: dict[str, Any] | None) -> None:
        self._following = None
        if settings is not None and settings["every"] is not None:
            self._following = _Following(**settings, due=time.perf_counter() + settings["every"])

    def _see(self, name: str, payload: dict[str, Any]) -> None:
        now = time.perf_counter()
        if name == STATUS:
            text = "".join(span.get("text", "") for line in payload["lines"] for span in line)
            if found := ITERATION.search(text):
                self.status = Seen(int(found[1].replace(",", "")), now)
        elif name in FAKES and self.status is not None:  # the status comes first: these fakes are of that iteration
            self.picture = Seen(self.status.iteration, now)

    def _button(self, label: str) -> Button | None:
        return next((one for one in self._buttons.values() if one.label == label and not one.disabled), None)
