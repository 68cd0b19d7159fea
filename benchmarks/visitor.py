"""A page without a browser: what a browser asks of a Streamlit server, and nothing that it would draw."""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Button_pb2 import Button
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

PATIENCE = 60.0  # seconds until something that should come is given up
ITERATION = re.compile(r"Iteration \*\*([\d,]+)\*\*")  # in the status line
PICTURES = ("-picture_fakes", "-plot_plane")  # how the ids of what shows the fakes end: pictures, points
SUBPROTOCOLS = ("streamlit", "no-token")  # the second one stands where a browser sends its token; only a login needs it
SUCCESS = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass(frozen=True)
class Tick:
    """One fragment run: when its end came, on time.perf_counter()'s clock, seconds since it was asked for, bytes."""

    at: float
    seconds: float
    size: int


@dataclass(frozen=True)
class Seen:
    """An iteration that the page showed, and when it came, on time.perf_counter()'s clock."""

    iteration: int
    at: float


@dataclass
class _Timer:
    """A fragment's: it is to run every ``interval`` seconds, next when the clock stands at ``due``."""

    interval: float
    due: float

    def lapse(self, now: float) -> None:
        """Go on to the first time after ``now``."""
        self.due += self.interval * max(1, 1 + (now - self.due) // self.interval)


class _Cache:
    """Large messages that a browser keeps for some script runs: the server sends a reference to one that it has."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[int, str]] = {}  # by hash: the script run of its last use, and its fragment
        self._runs = 0

    @property
    def hashes(self) -> list[str]:
        return list(self._used)

    def take(self, message: ForwardMsg) -> None:
        """Keep a message, or the use of a kept one, as far as it is for keeping."""
        if message.ref_hash:
            self._used[message.ref_hash] = (self._runs, self._used[message.ref_hash][1])
        elif message.metadata.cacheable:
            _, fragment = self._used.get(message.hash, (0, message.delta.fragment_id))
            self._used[message.hash] = (self._runs, fragment)

    def finished(self, fragments: list[str], most: int) -> None:
        """A run of these fragments, or of the whole page, has ended; what it could have used for ``most`` runs goes."""
        self._runs += 1
        self._used = {
            key: (run, fragment)
            for key, (run, fragment) in self._used.items()
            if (fragments and fragment not in fragments) or self._runs - run <= most
        }


class Visitor:
    """One open page. Not safe to use from several threads; each may have its own.

    ``address``: as in a browser, without a query; ``query``: what a browser's address would have after the "?".
    ``status`` is the newest iteration in the status line, ``picture`` that of the newest picture of the fakes.
    """

    def __init__(self, address: str, query: str = "") -> None:
        self._address, self._query = address, query
        self._stack = ExitStack()
        self._cache = _Cache()
        self._timers: dict[str, _Timer] = {}
        self._buttons: dict[tuple[int, ...], Button] = {}
        self._drawn: set[tuple[int, ...]] = set()  # places of the buttons that this run of the page has drawn
        self._page = ""  # the hash of the page's script
        self._keep = 0  # script runs for which a large message is kept
        self._waiting = False  # for the end of a run
        self._asked_at: float | None = None  # the fragment run that is on its way
        self._size = 0  # bytes of the present run
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
        self._rerun()
        self.until(lambda: self.loads > 0)

    def close(self) -> None:
        """As a tab is closed. Closing twice is fine."""
        self._stack.close()

    @property
    def compressed(self) -> bool:
        """Whether the server compresses what it sends; sizes here are always those of what was packed."""
        return bool(self._socket.protocol.extensions)

    def can(self, label: str) -> bool:
        """Whether a button of this label can be pressed."""
        return self._button(label) is not None

    def click(self, label: str) -> float:
        """Press the button of this label; when that was, on time.perf_counter()'s clock."""
        button = self._button(label)
        if button is None:
            raise LookupError(f"There is no button {label!r} that could be pressed.")
        at = time.perf_counter()
        self._asked_at = None  # a click cuts short what runs
        self._rerun(button=button.id)
        return at

    def stay(self, seconds: float) -> list[Tick]:
        """Answer the page's timers for so long; the fragment runs that have ended meanwhile."""
        before = len(self._ticks)
        self._listen(time.perf_counter() + seconds, lambda: False)
        return self._ticks[before:]

    def ignore(self, seconds: float) -> None:
        """Keep the page open and ask for nothing, as a browser does with a tab that has been frozen."""
        self._listen(time.perf_counter() + seconds, lambda: False, answering=False)

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Stay until this holds; TimeoutError if it does not within so many seconds."""
        if not self._listen(time.perf_counter() + seconds, condition):
            raise TimeoutError(f"The page did not come that far within {seconds:g} seconds.")

    def look(self) -> Seen:
        """Ask once for what a timer would ask for, now; the status that it brings. Only where a timer runs."""
        deadline = time.perf_counter() + PATIENCE
        self._listen(deadline, lambda: not self._waiting, answering=False)
        self._ask(next(iter(self._timers)))
        if not self._listen(deadline, lambda: not self._waiting, answering=False) or self.status is None:
            raise TimeoutError(f"A look was not answered within {PATIENCE:g} seconds.")
        return self.status

    # What goes out ------------------------------------------------------------------------------------------

    def _rerun(self, fragment: str = "", button: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        state.cached_message_hashes.extend(self._cache.hashes)
        if button:
            state.widget_states.widgets.add(id=button, trigger_value=True)
        else:
            state.widget_states.SetInParent()
        self._waiting = True
        self._socket.send(message.SerializeToString())

    def _ask(self, fragment: str) -> None:
        self._asked_at = time.perf_counter()
        self._rerun(fragment)

    def _answer_timers(self) -> None:
        """Ask for what is due, unless an answer is still to come: then one run is owed, and the others lapse.

        A browser asks on; the server makes one run of all requests that have come during another.
        """
        now = time.perf_counter()
        for fragment, timer in self._timers.items():
            if timer.due <= now and not self._waiting:
                timer.lapse(now)
                self._ask(fragment)

    # What comes in ------------------------------------------------------------------------------------------

    def _listen(self, deadline: float, done: Callable[[], bool], answering: bool = True) -> bool:
        """Take messages until ``done``, True, or until the deadline."""
        while not done():
            if answering:
                self._answer_timers()
            due = [timer.due for timer in self._timers.values() if answering and not self._waiting]
            now = time.perf_counter()
            if now >= deadline:
                return False
            try:
                self._take(self._socket.recv(timeout=max(0.0, min(deadline, *due) - now) if due else deadline - now))
            except TimeoutError:  # a timer, or the deadline
                continue
        return True

    def _take(self, payload: str | bytes) -> None:
        message = ForwardMsg.FromString(payload)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begin(message)
        self._size += len(payload)
        self._cache.take(message)
        if kind == "delta":
            self._draw(tuple(message.metadata.delta_path), message.delta)
        elif kind == "auto_rerun":
            self._set_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._timers.pop(fragment, None)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "script_finished":
            self._end(message)

    def _begin(self, message: ForwardMsg) -> None:
        self._size = 0
        if not message.metadata.run.fragment_ids:
            self._page, self._keep = (
                message.new_session.page_script_hash,
                message.new_session.config.max_cached_message_age,
            )
            self._waiting, self._asked_at = True, None  # it may be the page's own doing: nobody has asked for it
            self._timers.clear()
            self._drawn.clear()

    def _end(self, message: ForwardMsg) -> None:
        if message.script_finished not in SUCCESS:  # another run follows
            return
        now, fragments = time.perf_counter(), list(message.metadata.run.fragment_ids)
        self._cache.finished(fragments, self._keep)
        self._waiting = False
        if not fragments:
            self.loads += 1
            self._buttons = {place: self._buttons[place] for place in self._drawn if place in self._buttons}
        elif self._asked_at is not None:
            self._ticks.append(Tick(now, now - self._asked_at, self._size))
            self._asked_at = None

    def _set_timer(self, fragment: str, interval: float) -> None:
        timer = self._timers.get(fragment)
        if timer is None or timer.interval != interval:
            self._timers[fragment] = _Timer(interval, time.perf_counter() + interval)

    def _draw(self, place: tuple[int, ...], delta: Delta) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        self._buttons.pop(place, None)
        if kind == "button":
            self._buttons[place] = element.button
            self._drawn.add(place)
        elif kind == "markdown" and (found := ITERATION.search(element.markdown.body)):
            self.status = Seen(int(found[1].replace(",", "")), time.perf_counter())
        elif kind == "bidi_component" and element.bidi_component.id.endswith(PICTURES) and self.status is not None:
            # The page writes the status first: this picture is of that iteration.
            self.picture = Seen(self.status.iteration, time.perf_counter())

    def _button(self, label: str) -> Button | None:
        return next((one for one in self._buttons.values() if one.label == label and not one.disabled), None)
