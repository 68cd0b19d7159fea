"""The command line: ``python -m gan_core train``. Its options for the settings are made from GANConfig."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gan_core.config import GANConfig, Setting, explain

REFUSED, DIVERGED, INTERRUPTED = 2, 1, 130  # exit codes; 130 is the shell's word for Ctrl-C

PROGRAM = "python -m gan_core"
METAVARS = {"whole": "N", "number": "X", "switch": "true|false", "choice": "NAME", "sizes": "N,N,...", "text": "NAME"}


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


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar: three options of its own and one for every setting."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Train a GAN without a page.", allow_abbrev=False)
    train = parser.add_subparsers(metavar="train", required=True).add_parser(
        "train",
        usage=f"{PROGRAM} train --iterations N --out DIR [--config FILE] [--SETTING VALUE ...]",
        description="Train and write config, metrics, both networks and a picture of samples into a folder.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    train.add_argument("--iterations", metavar="N", required=True, help="how many iterations to train, from 1")
    train.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to write into; made if need be")
    train.add_argument("--config", metavar="FILE", type=Path, help="settings as JSON; the options below override it")
    groups: dict[str, Any] = {}
    for setting in GANConfig.settings():
        if setting.group not in groups:
            groups[setting.group] = train.add_argument_group(setting.group)
        groups[setting.group].add_argument(
            option(setting), dest=setting.name, metavar=METAVARS[setting.kind], help=option_help(setting)
        )
    return parser


def option(setting: Setting) -> str:
    """A setting's option: latent_dim → --latent-dim."""
    return "--" + setting.name.replace("_", "-")


def option_help(setting: Setting) -> str:
    """What the setting means, what it may be and what it is by default."""
    default = setting.default
    if setting.kind == "sizes":
        default = ",".join(map(str, default))
    elif setting.kind == "switch":
        default = str(default).lower()
    text = f"{setting.help} Takes {setting.expected()}; default: {default}."
    return text.replace("%", "%%")  # argparse formats help with %


def option_value(setting: Setting, text: str) -> Any:
    """The value that an option's text stands for; text that stands for none is kept, for GANConfig to refuse."""
    try:
        if setting.kind == "whole":
            return int(text)
        if setting.kind == "number":
            return float(text)
        if setting.kind == "sizes":
            return tuple(int(size) for size in text.split(","))
    except ValueError:
        return text
    if setting.kind == "switch":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def read_config(options: dict[str, Any]) -> GANConfig:
    """The defaults, changed by --config's file, changed by the options. Raises ValidationError or OSError."""
    config = GANConfig.from_json(options["config"].read_bytes()) if "config" in options else GANConfig()
    given = [setting for setting in GANConfig.settings() if setting.name in options]
    return config.replace(**{setting.name: option_value(setting, options[setting.name]) for setting in given})


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
    from gan_core.headless import train_into  # PyTorch: --help and a wrong config do without
    from gan_core.trainer import Trainer

    try:
        trainer = Trainer(config)
    except ValueError as error:  # the data set or the device; the message says which
        return _complain([str(error)], REFUSED)
    folder.mkdir(parents=True, exist_ok=True)
    with _ctrl_c_is_a_wish() as stop:
        diverged = train_into(folder, trainer, iterations, stop)
    if diverged:
        kept = f"{folder} holds the networks of iteration {trainer.iteration:,}, the last that were seen healthy."
        return _complain([str(diverged), kept], DIVERGED)
    if trainer.iteration < iterations:
        return _complain([f"Stopped at iteration {trainer.iteration:,}. {folder} holds what there is."], INTERRUPTED)
    print(f"Trained {iterations:,} iterations. {folder} holds the networks.")
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
    print(*sentences, sep="\n", file=sys.stderr)
    return code
