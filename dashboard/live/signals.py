"""The signals that end the server."""

import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gan_core.signals import end_as_ctrl_c_does


@asynccontextmanager
async def ended_by_signals(_: object) -> AsyncIterator[None]:
    """Let each signal that ends a process end the server as Ctrl-C does: runs are saved and uploads removed.

    SIGHUP would end it at once. After SIGTERM the server stops in order, and then lets that signal end the process, before
    Python's own end.
    """
    if threading.current_thread() is threading.main_thread():  # no other one may set what a signal does
        end_as_ctrl_c_does(lambda *_: signal.raise_signal(signal.SIGINT))
    yield
