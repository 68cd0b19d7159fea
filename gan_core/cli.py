"""The command line: ``python -m gan_core train``."""

import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gan_core.config import GANConfig, explain
from gan_core.data import OWN, load_dataset
from gan_core.data.errors import DataError
from gan_core.options import build_parser, read_config

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
    if "data" in options:
        return _train_on(options["data"], options["out"], config, iterations)
    if config.dataset in OWN:
        return _complain([f"dataset = {config.dataset!r} needs your own data: name them with --data PATH."], REFUSED)
    return _train_into(options["out"], config, iterations)


def _train_on(data: Path, folder: Path, config: GANConfig, iterations: int) -> int:
    """Train on a learner's own data. Nothing of it is left beside the results: they may be passed on, it may not."""
    from gan_core.data.own.path import read_path
    from gan_core.data.own.samples import (  # numpy and Pillow, which other runs do without until they train
        OWN_FILE,
        keep,
    )

    try:
        name, gathered = read_path(data, config.picture_size)
    except DataError as error:
        return _complain([str(error)], REFUSED)
    _complain(gathered.refusals + gathered.notes)
    with tempfile.TemporaryDirectory(prefix="gan-own-", ignore_cleanup_errors=True) as beside:
        own = Path(beside) / OWN_FILE
        config = config.replace(dataset=name, own_data=keep(gathered.array, own))
        return _train_into(folder, config, iterations, own)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0  # which is refused, like every other number below 1


def _train_into(folder: Path, config: GANConfig, iterations: int, own: Path | None = None) -> int:
    from gan_core.training.headless import train_into  # PyTorch: --help and a wrong config do without
    from gan_core.training.trainer import Trainer

    try:
        trainer = Trainer(config, load_dataset(config, own) if own else None)
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


def _complain(sentences: Sequence[str], code: int = 0) -> int:
    sys.stderr.write("".join(f"{sentence}\n" for sentence in sentences))
    return code
