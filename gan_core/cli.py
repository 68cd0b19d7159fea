"""The command line, ``python -m gan_core``: train and export without a page."""

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
from gan_core.data import OWN, load_dataset, smaller_batch
from gan_core.data.errors import DataError
from gan_core.options import build_parser, option, read_config
from gan_core.plurals import counted

REFUSED, DIVERGED, INTERRUPTED = 2, 1, 130  # exit codes; 130 is the shell's convention for Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. SystemExit if argparse rejects the arguments."""
    options = vars(build_parser().parse_args(arguments))
    try:
        return _export(options) if options["command"] == "export" else _train(options)
    except KeyboardInterrupt:  # before training began, or for the second time
        return _report(["Stopped."], INTERRUPTED)
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        return _report([f"{file}{error.strerror or error}."], REFUSED)


def _train(options: dict[str, Any]) -> int:
    problems: list[str] = []
    iterations = _whole_number(options["iterations"])
    if iterations < 1:
        problems.append(
            f"--iterations = {options['iterations']!r} is not possible; it should be a whole number from 1."
        )
    if "columns" in options and "data" not in options:
        problems.append("--columns needs a table of points: add --data PATH.")
    try:
        config = read_config(options)
    except ValidationError as error:
        problems += explain(error, option)
    problems = problems or _folder_problems(options)
    if problems:
        return _report(problems, REFUSED)
    if "data" in options:
        return _train_on_own_data(options, config, iterations)
    if config.dataset in OWN:
        return _report([f"--dataset = {config.dataset!r} needs your own data: add --data PATH."], REFUSED)
    return _train_into(options["out"], config, iterations)


def _export(options: dict[str, Any]) -> int:
    from gan_core.export import folder as exports

    run, kinds = options["folder"], [kind for kind in exports.MAKERS if kind in options]
    folder = run / exports.FOLDER
    there = [exports.MAKERS[kind][0] for kind in kinds if (folder / exports.MAKERS[kind][0]).exists()]
    if not kinds:
        return _report(["Nothing to export: add --script or --notebook."], REFUSED)
    if there and "overwrite" not in options:
        return _report([f"{folder} already contains {' and '.join(there)}: add --overwrite to replace them."], REFUSED)
    try:
        config, changes = exports.read_run(run)
        iterations = _whole_number(options["iterations"]) if "iterations" in options else exports.saved_iterations(run)
        if iterations < 1:
            raise ValueError("A script needs at least one iteration: add --iterations N, a whole number from 1.")
        own = _own_data(options, config) if config.dataset in OWN else None
        samples = exports.samples_needed(config, own)
    except ValueError as error:
        return _report([str(error)], REFUSED)
    for path in exports.export_into(folder, kinds, config, iterations, changes, samples):
        sys.stdout.write(f"Wrote {path}\n")
    return 0


def _own_data(options: dict[str, Any], config: GANConfig) -> Any:
    """Return the array of the run's own data, which is at --data. DataError if it is not there or is another."""
    from gan_core.data.own.path import read_path
    from gan_core.data.own.samples import fingerprint

    if "data" not in options:
        raise DataError("The run was trained on your own data, which is not in its folder: add --data PATH.")
    columns = tuple(options["columns"]) if "columns" in options else None
    name, gathered = read_path(options["data"], config.picture_size, columns)
    if (name, fingerprint(gathered.array)) != (config.dataset, config.own_data):
        raise DataError(f"--data = {str(options['data'])!r} is not the data that the run was trained on.")
    return gathered.array


def _folder_problems(options: dict[str, Any]) -> list[str]:
    """Return why nothing may be written to --out: it holds results, or a later run would take them for its data."""
    from gan_core.training.headless import RESULT_FILES, results_in  # loads PyTorch, which --help does not need

    folder, data = options["out"], options.get("data")
    if data and data.resolve() in [(folder / name).resolve() for name in RESULT_FILES]:
        return [f"--data = {str(data)!r} would be replaced by the results: choose another folder for --out."]
    if data and data.is_dir() and folder.resolve().is_relative_to(data.resolve()):
        return [
            f"--out = {str(folder)!r} is inside the folder of --data, and results are no data: choose another folder."
        ]
    if (found := results_in(folder)) and "overwrite" not in options:
        return [
            f"{folder} already contains {', '.join(found)}: choose another folder, or add --overwrite to replace them."
        ]
    return []


def _train_on_own_data(options: dict[str, Any], config: GANConfig, iterations: int) -> int:
    """Train on a learner's own data. It is not kept with the results, which may be passed on to others."""
    from gan_core.data.own.path import read_path  # loads Pillow, which other runs need only later
    from gan_core.data.own.samples import OWN_FILE, keep

    try:
        columns = tuple(options["columns"]) if "columns" in options else None
        name, gathered = read_path(options["data"], config.picture_size, columns)
    except DataError as error:
        return _report([str(error)], REFUSED)
    _report(gathered.refusals + gathered.notes + gathered.warnings)
    chosen = options.keys() & {"batch_size", "config"}
    if not chosen and (batch := smaller_batch(config.batch_size, len(gathered.array))):
        _report([f"There are fewer samples than a batch has: the batch size becomes {batch}."])
        config = config.replace(batch_size=batch)
    with tempfile.TemporaryDirectory(prefix="gan-own-", ignore_cleanup_errors=True) as temporary:
        own = Path(temporary) / OWN_FILE
        config = config.replace(dataset=name, own_data=keep(gathered.array, own))
        return _train_into(options["out"], config, iterations, own)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0  # rejected, like all numbers below 1


def _train_into(folder: Path, config: GANConfig, iterations: int, own: Path | None = None) -> int:
    from gan_core.training.headless import train_into  # loads PyTorch, which --help does not need
    from gan_core.training.trainer import Trainer

    try:
        trainer = Trainer(config, load_dataset(config, own) if own else None)
    except ValueError as error:  # the dataset or the device is not available
        return _report([str(error)], REFUSED)
    folder.mkdir(parents=True, exist_ok=True)
    with _stop_on_ctrl_c() as stop:
        diverged = train_into(folder, trainer, iterations, stop)
    done = f"{trainer.iteration:,}"
    if diverged:
        kept = f"Saved in {folder}: the networks of iteration {done}, the last known to be finite."
        return _report([str(diverged), kept], DIVERGED)
    if trainer.iteration < iterations:
        return _report([f"Stopped at iteration {done}; saved in {folder}"], INTERRUPTED)
    sys.stdout.write(f"Trained {counted(trainer.iteration, 'iteration')}; saved in {folder}\n")
    return 0


@contextmanager
def _stop_on_ctrl_c() -> Iterator[threading.Event]:
    """Set the event on the first Ctrl-C, so the current iteration is completed; a second one raises at once."""
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def set_stop(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, set_stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _report(sentences: Sequence[str], code: int = 0) -> int:
    """Write the sentences to stderr and return ``code``."""
    sys.stderr.write("".join(f"{sentence}\n" for sentence in sentences))
    return code
