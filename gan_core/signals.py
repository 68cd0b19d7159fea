"""Ctrl-C and the signals that end a process: the first one asks for the end, a second one ends at once."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP", "SIGBREAK")  # Windows lacks SIGHUP, and others SIGBREAK
ECHO = 1.0  # seconds: a closed terminal and `timeout` send their one signal twice


class StopRequest(threading.Event):
    """Set by the first signal; ``number`` is its number."""

    number = 0
    at = math.inf


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Set the request on the first signal, so that what runs can end in order; a second one raises KeyboardInterrupt."""
    stop = StopRequest()

    def ask(number: int, _: object) -> None:
        if not stop.is_set():
            stop.number, stop.at = number, time.monotonic()
            stop.set()
        elif number == signal.SIGINT or time.monotonic() > stop.at + ECHO:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, *_others())}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_as_ctrl_c_does(handler: Callable[[int, FrameType | None], object] = signal.default_int_handler) -> None:
    """Let the other signals raise KeyboardInterrupt too, or call ``handler``, so that temporary files are removed."""
    for number in _others():
        signal.signal(number, handler)


def _others() -> list[int]:
    """Return those but SIGINT that this system has, and that are not ignored, as SIGHUP is under nohup."""
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
