"""The command line: ``python -m gan_core train``."""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gan_core.config import GANConfig, explain
from gan_core.options import build_parser, read_config
from gan_core.runs.threads import sleep_while_waiting, use_run_threads

REFUSED, DIVERGED, INTERRUPTED = 2, 1, 130  # exit codes; 130 is the shell's word for Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; argparse's own refusals raise SystemExit."""
    options = vars(build_parser().parse_args(arguments))
    try:
        return _train(options)
    except KeyboardInterrupt:  # before training began, or a second time
        return _complain(["Stopped."], INTERRUPTED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain([f"{where}{error.strerror}."], REFUSED)


def _train(options: dict[str, Any]) -> int:
    problems: list[str] = []
    iterations = _whole(options["iterations"])
    if iterations < 1:
        problems.append(f"iterations = {options['iterations']!r} is not possible; it should be a whole number from 1.")
    try:
        config = read_config(options)
    except ValidationError as error:
        problems += explain(error)
    if problems:
        return _complain(problems, REFUSED)
    return _train_into(options["out"], config, iterations)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0  # which is refused, like every other number below 1


def _train_into(folder: Path, config: GANConfig, iterations: int) -> int:
    sleep_while_waiting()
    from gan_core.headless import train_into  # PyTorch: --help and a wrong config do without
    from gan_core.trainer import Trainer

    use_run_threads()
    try:
        trainer = Trainer(config)
    except ValueError as error:  # the data set or the device; the message says which
        return _complain([str(error)], REFUSED)
    folder.mkdir(parents=True, exist_ok=True)
    with _ctrl_c_is_a_wish() as stop:
        diverged = train_into(folder, trainer, iterations, stop)
    done = f"{trainer.iteration:,}"
    if diverged:
        kept = f"Saved in {folder}: the networks of iteration {done}, the last that were seen healthy."
        return _complain([str(diverged), kept], DIVERGED)
    if trainer.iteration < iterations:
        return _complain([f"Stopped at iteration {done}; what there is was saved in {folder}"], INTERRUPTED)
    sys.stdout.write(f"Trained {done} iterations; saved in {folder}\n")
    return 0


@contextmanager
def _ctrl_c_is_a_wish() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that no iteration is cut in two; a second one stops at once."""
    wish = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def note(*_: object) -> None:
        wish.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, before)


def _complain(sentences: Sequence[str], code: int) -> int:
    sys.stderr.write("".join(f"{sentence}\n" for sentence in sentences))
    return code
