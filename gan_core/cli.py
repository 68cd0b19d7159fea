"""The command line, ``python -m gan_core``: train and export without a page."""

import math
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gan_core.config import GANConfig, explain
from gan_core.data import OWN, load_dataset, smaller_batch
from gan_core.data.errors import DataError
from gan_core.options import PROGRAM, SAVE_EVERY, build_parser, option, read_config
from gan_core.plurals import counted
from gan_core.resuming import resumed_config
from gan_core.signals import stop_on_signals

if TYPE_CHECKING:
    from gan_core.training.results import Results
    from gan_core.training.trainer import Trainer

REFUSED, DIVERGED, INTERRUPTED = 2, 1, 130  # exit codes; the shell's convention is 128 and the signal's number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. SystemExit if argparse rejects the arguments."""
    options = vars(build_parser().parse_args(arguments))
    try:
        if options["command"] == "export":
            return _export(options)
        return _resume(options) if "resume" in options else _train(options)
    except KeyboardInterrupt:  # before training began, or for the second time
        return _report(["Stopped."], INTERRUPTED)
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        return _report([f"{file}{error.strerror or error}."], REFUSED)


def _train(options: dict[str, Any]) -> int:
    problems = _number_problems(options)
    try:
        config = read_config(options)
    except ValidationError as error:
        problems += explain(error, option)
    problems = problems or _folder_problems(options)
    if problems:
        return _report(problems, REFUSED)
    if "data" not in options and config.dataset in OWN:
        return _report([f"--dataset = {config.dataset!r} needs your own data: add --data PATH."], REFUSED)
    with ExitStack() as stack:
        try:
            with ExitStack() as kept:
                config, own = _kept_data(options, config, kept)
                trainer = _trainer(config, own)
            options["out"].mkdir(parents=True, exist_ok=True)
            stack.enter_context(_held(options["out"]))
        except ValueError as error:  # the dataset or the device is not available
            return _report([str(error)], REFUSED)
        from gan_core.training.results import Plan, Results

        plan = Plan(_whole_number(options["iterations"]), config)
        return _finish(Results.begin(options["out"], plan), trainer, options)


def _resume(options: dict[str, Any]) -> int:
    """Continue the run in --resume: nothing there is changed unless all that is needed is there."""
    from gan_core.training.results import read_run

    folder = options["resume"]
    if problems := _number_problems(options):
        return _report(problems, REFUSED)
    with ExitStack() as stack:
        try:
            stack.enter_context(_held(folder))
            run = read_run(folder)
            before, reached, plan = run.config, run.state.iteration, run.plan
            config = resumed_config(folder, before, options)
            plan.iterations = _whole_number(options.get("iterations", str(plan.iterations)))
            if plan.iterations <= reached:
                raise ValueError(f"{folder} has reached iteration {reached:,}: add --iterations with a larger total.")
            with ExitStack() as kept:
                own_config, own = _kept_data(options, before, kept)
                if own_config != before:
                    raise ValueError(
                        f"--data = {str(options['data'])!r} is not what the run in {folder} was trained on."
                    )
                trainer = _trainer(before, own)
            run.restore(folder, trainer)
            if changed := before.differences(config):
                trainer.reconfigure(config)
                plan.changes.append({"iteration": reached, "values": {name: getattr(config, name) for name in changed}})
        except ValueError as error:
            return _report([str(error)], REFUSED)
        return _finish(run.go_on(folder), trainer, options)


def _number_problems(options: dict[str, Any]) -> list[str]:
    """Return what is wrong with the options that are no settings."""
    problems = []
    iterations = options.get("iterations", "1" if "resume" in options else None)
    if iterations is None:
        problems.append("--iterations is missing: it says how many to train, from 1.")
    elif _whole_number(iterations) < 1:
        problems.append(f"--iterations = {iterations!r} is not possible; it should be a whole number from 1.")
    if not 0 < _seconds(options) < math.inf:
        problems.append(f"--save-every = {options['save_every']!r} is not possible; it should be seconds, above 0.")
    if "columns" in options and "data" not in options:
        problems.append("--columns needs a table of points: add --data PATH.")
    return problems


def _export(options: dict[str, Any]) -> int:
    from gan_core.export import folder as exports

    run, kinds = options["folder"], [kind for kind in exports.MAKERS if kind in options]
    folder = run / exports.FOLDER
    there = [exports.MAKERS[kind][0] for kind in kinds if (folder / exports.MAKERS[kind][0]).exists()]
    animated = "animation" in options
    if not kinds and not animated:
        return _report(["Nothing to export: add --script, --notebook or --animation."], REFUSED)
    if animated and (problem := _animate(run, "overwrite" in options)):
        return _report([problem], REFUSED)
    if not kinds:
        return 0
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


def _animate(run: Path, overwrite: bool) -> str:
    """Write the fakes of the kept moments of the run in ``run`` as moving pictures; return a sentence if that cannot be."""
    from gan_core.export.animation import FORMATS, animation
    from gan_core.export.weights import write_whole
    from gan_core.runs.moments import read_all

    paths = {format: run / f"animation.{format}" for format in FORMATS}
    if not overwrite and (there := [path.name for path in paths.values() if path.exists()]):
        return f"{run} already contains {' and '.join(there)}: add --overwrite to replace them."
    frames = [(moment.iteration, moment.fake) for moment in read_all(run)]
    if len(frames) < 2:
        return f"{run} has kept {counted(len(frames), 'moment')}: an animation needs two, which train --out keeps by itself."
    for format, path in paths.items():
        write_whole(path, animation(frames, format))
        sys.stdout.write(f"Wrote {path}\n")
    return ""


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
    from gan_core.training.results import RESULT_FILES, results_in  # loads PyTorch, which --help does not need

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


def _kept_data(options: dict[str, Any], config: GANConfig, stack: ExitStack) -> tuple[GANConfig, Path | None]:
    """Return the settings with the data of --data in them, and the file of its samples, which lasts as long as ``stack``.

    The data is not kept with the results, which may be passed on to others, and a trainer that has mapped the file needs it
    no longer: ``kill -9`` leaves none. DataError if it cannot be used.
    """
    if "data" not in options:
        return config, None
    from gan_core.data.own.path import read_path  # loads Pillow, which other runs need only later
    from gan_core.data.own.samples import OWN_FILE, keep

    columns = tuple(options["columns"]) if "columns" in options else None
    name, gathered = read_path(options["data"], config.picture_size, columns)
    _report(gathered.refusals + gathered.notes + gathered.warnings)
    chosen = options.keys() & {"batch_size", "config"}
    if not chosen and (batch := smaller_batch(config.batch_size, len(gathered.array))):
        _report([f"There are fewer samples than a batch has: the batch size becomes {batch}."])
        config = config.replace(batch_size=batch)
    temporary = tempfile.TemporaryDirectory(prefix="gan-own-", ignore_cleanup_errors=True)
    own = Path(stack.enter_context(temporary)) / OWN_FILE
    return config.replace(dataset=name, own_data=keep(gathered.array, own)), own


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0  # rejected, like all numbers below 1


def _seconds(options: dict[str, Any]) -> float:
    """Return the time between two saves; NaN if it is no number."""
    try:
        return float(options.get("save_every", SAVE_EVERY))
    except ValueError:
        return math.nan


def _trainer(config: GANConfig, own: Path | None) -> "Trainer":
    from gan_core.training.trainer import Trainer  # loads PyTorch, which --help does not need

    return Trainer(config, load_dataset(config, own) if own else None)


def _held(folder: Path) -> AbstractContextManager[None]:
    from gan_core.training.results import held

    return held(folder)


def _finish(results: "Results", trainer: "Trainer", options: dict[str, Any]) -> int:
    """Train to the end, and say how it ended and what is saved."""
    from gan_core.training.headless import train_into

    folder, iterations = results.folder, results.plan.iterations
    with stop_on_signals() as stop:
        diverged = train_into(results, trainer, stop, _seconds(options))
    stopped = trainer.iteration < iterations and not diverged
    code = DIVERGED if diverged else 128 + stop.number if stopped else 0
    done = f"{'Stopped at iteration' if stopped else 'Trained to iteration'} {trainer.iteration:,}"
    sentences = [str(diverged)] if diverged else []
    if results.problem:
        sentences.append(f"{done}, which cannot be saved in {folder}: {results.problem}. {results.kept}")
        return _report([*sentences, *([] if results.saved is None else [_go_on(options)])], code or REFUSED)
    if diverged:
        kept = f"Saved in {folder}: the networks of iteration {trainer.iteration:,}, the last known to be finite."
        return _report([*sentences, kept], code)
    if stopped:
        return _report([f"{done}; saved in {folder}. {_go_on(options)}"], code)
    sys.stdout.write(f"Trained {counted(trainer.iteration, 'iteration')}; saved in {folder}\n")
    return 0


def _go_on(options: dict[str, Any]) -> str:
    """Return the command that continues the run, as a sentence."""
    paths = {"resume": options.get("resume") or options["out"], "data": options.get("data")}
    words = [word for name, path in paths.items() if path for word in (f"--{name}", str(path))]
    words += ["--columns", *options["columns"]] if "columns" in options else []
    return " ".join([f"Go on: {PROGRAM} train", *(f'"{word}"' if " " in word else word for word in words)])


def _report(sentences: Sequence[str], code: int = 0) -> int:
    """Write the sentences to stderr and return ``code``."""
    with suppress(OSError):  # the terminal was closed
        sys.stderr.write("".join(f"{sentence}\n" for sentence in sentences))
    return code
