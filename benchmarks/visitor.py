"""A page without a browser: what a browser asks of a Streamlit server, and nothing that it would draw."""

import json
import queue
import re
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Button_pb2 import Button
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0  # seconds until something that should come is given up
ITERATION = re.compile(r"Iteration ([\d,]+)")  # in the status line
STATUS = "status"
PICTURES = ("picture_fakes", "plot_plane")  # the panels that show the fakes: as images, as points
SUBPROTOCOLS = ("streamlit", "no-token")  # the second one stands where a browser sends its token; only a login needs it
ENCODINGS = "gzip, deflate, br, zstd"  # what a browser would take


@dataclass(frozen=True)
class Tick:
    """One look of the page's script: when its answer came, on time.perf_counter()'s clock, seconds since it was asked
    for, bytes with their headers."""

    at: float
    seconds: float
    size: int


@dataclass(frozen=True)
class Seen:
    """An iteration that the page showed, and when it came, on time.perf_counter()'s clock."""

    iteration: int
    at: float


@dataclass
class _Following:
    """What the page's script asks for: where, every how many seconds, and when the clock stands at ``due``."""

    address: str
    every: float
    due: float
    since: int = -1
    turn: int = 0  # answers that had payloads
    outdated: int = 0  # answers in a row that asked for a redraw of the page


@dataclass(frozen=True)
class _Answer:
    """To one look; ``body`` is None if the server did not give one."""

    following: _Following
    asked_at: float
    body: bytes | None
    size: int


def _plain(payload: dict[str, Any]) -> str:
    """Return a text payload without its styles."""
    return "".join(span.get("text", "") for line in payload["lines"] for span in line)


class _Cache:
    """Large messages that a browser keeps for some script runs: the server sends a reference to one that it has."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}  # by hash: the script run of its last use
        self._runs = 0

    @property
    def hashes(self) -> list[str]:
        return list(self._used)

    def take(self, message: ForwardMsg) -> None:
        """Keep a message, or the use of a kept one, as far as it is for keeping."""
        if message.ref_hash or message.metadata.cacheable:
            self._used[message.ref_hash or message.hash] = self._runs

    def finished(self, most: int) -> None:
        """A run has ended; what it could have used for ``most`` runs goes."""
        self._runs += 1
        self._used = {key: run for key, run in self._used.items() if self._runs - run <= most}


class _Asker:
    """Looks at a run as the page's script does, one question at a time, in a thread of its own."""

    def __init__(self, address: str, inbox: "queue.Queue[bytes | _Answer]") -> None:
        self._host = urlsplit(address).netloc
        self._inbox = inbox
        self._questions: queue.Queue[_Following | None] = queue.Queue()
        threading.Thread(target=self._loop, daemon=True).start()

    def ask(self, following: _Following) -> None:
        self._questions.put(following)

    def close(self) -> None:
        self._questions.put(None)

    def _loop(self) -> None:
        connection = HTTPConnection(self._host, timeout=PATIENCE)
        while (following := self._questions.get()) is not None:
            asked_at = time.perf_counter()
            try:
                address = f"/{following.address}&since={following.since}&turn={following.turn}"
                connection.request("GET", address, headers={"Accept-Encoding": ENCODINGS})
                answer = connection.getresponse()
                body = answer.read()
                size = len(body) + sum(len(name) + len(value) + 4 for name, value in answer.getheaders())
                self._inbox.put(_Answer(following, asked_at, body if answer.status == 200 else None, size))
            except (OSError, HTTPException):
                connection.close()
                self._inbox.put(_Answer(following, asked_at, None, 0))
        connection.close()


class Visitor:
    """One open page. Not safe to use from several threads; each may have its own.

    ``address``: as in a browser, without a query; ``query``: what a browser's address would have after the "?".
    ``status`` is the newest iteration in the status line, ``picture`` that of the newest picture of the fakes.
    """

    def __init__(self, address: str, query: str = "") -> None:
        self._address, self._query = address, query
        self._stack = ExitStack()
        self._cache = _Cache()
        self._inbox: queue.Queue[bytes | _Answer] = queue.Queue()
        self._asker = _Asker(address, self._inbox)
        self._stack.callback(self._asker.close)
        self._following: _Following | None = None
        self._asking = False  # an answer is still to come
        self._buttons: dict[tuple[int, ...], Button] = {}
        self._drawn: set[tuple[int, ...]] = set()  # places of the buttons that this run of the page has drawn
        self._page = ""  # the hash of the page's script
        self._keep = 0  # script runs for which a large message is kept
        self._ticks: list[Tick] = []
        self.loads = 0  # runs of the whole page that have ended
        self.status: Seen | None = None
        self.picture: Seen | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect, and see the first run of the page to its end."""
        address = self._address.replace("http", "ws", 1).rstrip("/") + "/_stcore/stream"
        # Without limits, as a browser: a server that had to wait for this end would look slower than it is.
        connection = connect(address, subprotocols=SUBPROTOCOLS, max_size=None, max_queue=None)  # type: ignore[arg-type]
        self._socket = self._stack.enter_context(connection)
        threading.Thread(target=self._receive, args=(connection,), daemon=True).start()
        self._rerun()
        self.until(lambda: self.loads > 0)

    def _receive(self, connection: ClientConnection) -> None:
        try:
            for message in connection:
                assert isinstance(message, bytes)
                self._inbox.put(message)
        except ConnectionClosed:  # the server has ended
            return

    def close(self) -> None:
        """As a tab is closed. Closing twice is fine."""
        self._stack.close()

    def can(self, label: str) -> bool:
        """Whether a button of this label can be pressed."""
        return self._button(label) is not None

    def click(self, label: str) -> float:
        """Press the button of this label; when that was, on time.perf_counter()'s clock."""
        button = self._button(label)
        if button is None:
            raise LookupError(f"There is no button {label!r} that could be pressed.")
        at = time.perf_counter()
        self._rerun(button=button.id)
        return at

    def stay(self, seconds: float) -> list[Tick]:
        """Follow the run for so long, as the page's script does; the looks that were answered meanwhile."""
        before = len(self._ticks)
        self._listen(time.perf_counter() + seconds, lambda: False)
        return self._ticks[before:]

    def ignore(self, seconds: float) -> None:
        """Keep the page open and ask for nothing, as a browser does with a tab that is hidden."""
        self._listen(time.perf_counter() + seconds, lambda: False, following=False)

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Stay until this holds; TimeoutError if it does not within so many seconds."""
        if not self._listen(time.perf_counter() + seconds, condition):
            raise TimeoutError(f"The page did not come that far within {seconds:g} seconds.")

    def look(self) -> Seen:
        """Look once, now; the status that it brings. Only where a run is followed."""
        deadline, before = time.perf_counter() + PATIENCE, len(self._ticks)
        while self._listen(deadline, lambda: not self._asking and self._following is not None, following=False):
            if len(self._ticks) > before and self.status is not None:
                return self.status
            self._ask(time.perf_counter())  # once more, where the page was drawn anew before the answer came
        raise TimeoutError(f"A look was not answered within {PATIENCE:g} seconds.")

    # What goes out ------------------------------------------------------------------------------------------

    def _rerun(self, button: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page
        state.cached_message_hashes.extend(self._cache.hashes)
        if button:
            state.widget_states.widgets.add(id=button, trigger_value=True)
        else:
            state.widget_states.SetInParent()
        self._socket.send(message.SerializeToString())

    def _ask(self, now: float) -> None:
        if self._following is None:
            raise LookupError("The page follows no run now.")
        self._following.due = now + self._following.every
        self._asking = True
        self._asker.ask(self._following)

    # What comes in ------------------------------------------------------------------------------------------

    def _listen(self, deadline: float, done: Callable[[], bool], following: bool = True) -> bool:
        """Take what comes until ``done``, True, or until the deadline."""
        while not done():
            now, due = time.perf_counter(), deadline
            if now >= deadline:
                return False
            if following and self._following is not None and not self._asking:
                if self._following.due <= now:
                    self._ask(now)
                due = min(deadline, self._following.due)
            try:
                self._take(self._inbox.get(timeout=max(0.0, due - now)))
            except queue.Empty:  # time for a look, or the deadline
                continue
        return True

    def _take(self, what: bytes | _Answer) -> None:
        if isinstance(what, _Answer):
            self._take_answer(what)
        else:
            self._take_message(what)

    def _take_answer(self, answer: _Answer) -> None:
        self._asking = False
        following = answer.following
        if answer.body is None or following is not self._following:  # the page was drawn anew meanwhile
            return
        now = time.perf_counter()
        self._ticks.append(Tick(now, now - answer.asked_at, answer.size))
        content = json.loads(answer.body)
        following.since = content["revision"]
        following.turn += bool(content["panels"])
        for name, payload in content["panels"].items():
            self._see(name, payload)
        following.outdated = following.outdated + 1 if content["redraw"] else 0
        if following.outdated > 1:
            self._rerun()
            following.outdated = 0

    def _take_message(self, payload: bytes) -> None:
        message = ForwardMsg.FromString(payload)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begin(message)
        self._cache.take(message)
        if kind == "delta":
            self._draw(tuple(message.metadata.delta_path), message.delta)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "script_finished":
            self._end(message)

    def _begin(self, message: ForwardMsg) -> None:
        session = message.new_session
        self._page, self._keep = session.page_script_hash, session.config.max_cached_message_age
        self._drawn.clear()

    def _end(self, message: ForwardMsg) -> None:
        if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:  # another run follows
            return
        self._cache.finished(self._keep)
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
        if settings is None or settings["every"] is None:
            self._following = None
        else:
            self._following = _Following(
                settings["address"], settings["every"], time.perf_counter() + settings["every"]
            )

    def _see(self, name: str, payload: dict[str, Any]) -> None:
        if name == STATUS and (found := ITERATION.search(_plain(payload))):
            self.status = Seen(int(found[1].replace(",", "")), time.perf_counter())
        elif name in PICTURES and self.status is not None:
            # The status comes first: this picture is of that iteration.
            self.picture = Seen(self.status.iteration, time.perf_counter())

    def _button(self, label: str) -> Button | None:
        return next((one for one in self._buttons.values() if one.label == label and not one.disabled), None)
