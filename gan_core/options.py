"""The command line's options: some of its own, and one for each setting of GANConfig."""

import argparse
from pathlib import Path
from typing import Any

from gan_core.config import GANConfig
from gan_core.setting import Setting

PROGRAM = "python -m gan_core"
METAVARS = {
    "whole": "N",
    "number": "X",
    "switch": "true|false",
    "choice": "NAME",
    "sizes": "N,N,...",
    "classes": "N,N,...",
    "text": "NAME",
}
DATA_HELP = (
    "your own data to train on; overrides --dataset and --own-data: a folder or a zip of pictures, "
    "scaled to --picture-size, or a table of points, such as a CSV"
)
TRAIN_USAGE = (
    f"{PROGRAM} train --iterations N --out DIR [--overwrite] [--config FILE] [--data PATH [--columns X Y]]"
    f" [--SETTING VALUE ...]\n       {PROGRAM} train --resume DIR [--iterations N] [--data PATH [--columns X Y]]"
    " [--SETTING VALUE ...]"
)
TRAIN_HELP = (
    "Train and write config, metrics, both networks, a picture of samples and run.safetensors, from which --resume "
    "continues, into a folder: every minute and at the end. Ctrl-C, SIGTERM and SIGHUP finish the iteration and save; "
    "a second one ends at once."
)
ITERATIONS_HELP = "how many iterations to train in all, from 1; with --resume, by default as many as asked for before"
RESUME_HELP = (
    "continue the run that train has saved in DIR, as if it had not been interrupted; its settings stay, but for those given "
    "here that can change while training; a run on your own data needs --data again"
)
SAVE_EVERY = "60"
SAVE_EVERY_HELP = (
    f"time between two saves of all files: what kill -9 or a power failure can lose; default: {SAVE_EVERY}"
)
COLUMNS_HELP = "the columns of --data's table to take for x and y: their headings, or their numbers from 1"


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's parser. It leaves the values of settings as text, for ``option_value``."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Train a GAN without a page.", allow_abbrev=False)
    commands = parser.add_subparsers(metavar="{train,export}", required=True)
    _add_train(commands)
    _add_export(commands)
    return parser


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train",
        usage=TRAIN_USAGE,
        description=TRAIN_HELP,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    train.set_defaults(command="train")
    train.add_argument("--iterations", metavar="N", help=ITERATIONS_HELP)
    folder = train.add_mutually_exclusive_group(required=True)
    folder.add_argument("--out", metavar="DIR", type=Path, help="folder to write to; created if missing")
    folder.add_argument("--resume", metavar="DIR", type=Path, help=RESUME_HELP)
    train.add_argument("--save-every", metavar="SECONDS", help=SAVE_EVERY_HELP)
    train.add_argument("--overwrite", action="store_true", help="replace the results that DIR contains")
    train.add_argument("--config", metavar="FILE", type=Path, help="settings as JSON; the options below override it")
    train.add_argument("--data", metavar="PATH", type=Path, help=DATA_HELP)
    train.add_argument("--columns", metavar=("X", "Y"), nargs=2, help=COLUMNS_HELP)
    groups: dict[str, Any] = {}
    for setting in GANConfig.settings():
        if setting.group not in groups:
            groups[setting.group] = train.add_argument_group(setting.group)
        groups[setting.group].add_argument(
            option(setting), dest=setting.name, metavar=METAVARS[setting.kind], help=option_help(setting)
        )


def _add_export(commands: Any) -> None:
    export = commands.add_parser(
        "export",
        usage=f"{PROGRAM} export [--script] [--notebook] [--animation] [--overwrite] [--iterations N]"
        " [--data PATH [--columns X Y]] DIR",
        description="Write a run as a plain PyTorch script or a notebook that repeats it, into the folder DIR/script, or its"
        " fakes over time as a moving picture.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    export.set_defaults(command="export")
    export.add_argument("folder", metavar="DIR", type=Path, help="what train --out has written")
    export.add_argument("--script", action="store_true", help="a script, training.py")
    export.add_argument("--notebook", action="store_true", help="a notebook, training.ipynb")
    export.add_argument("--animation", action="store_true", help="the fakes over time, DIR/animation.gif and .webp")
    export.add_argument("--iterations", metavar="N", help="how many to train; default: as many as the saved run has")
    export.add_argument("--data", metavar="PATH", type=Path, help="the run's own data, which is not in DIR")
    export.add_argument("--columns", metavar=("X", "Y"), nargs=2, help=COLUMNS_HELP)
    export.add_argument("--overwrite", action="store_true", help="replace what was exported into DIR/script before")


def option(setting: Setting) -> str:
    """Return a setting's option: latent_dim → --latent-dim."""
    return "--" + setting.name.replace("_", "-")


def option_help(setting: Setting) -> str:
    """Return the help of a setting's option: its meaning, its range and its default."""
    default = setting.default
    if setting.kind in ("sizes", "classes"):
        default = ",".join(map(str, default))
    elif setting.kind == "switch":
        default = str(default).lower()
    text = f"{setting.help} Takes {setting.expected()}; default: {default}."
    return text.replace("%", "%%")  # argparse formats help with %


def option_value(setting: Setting, text: str) -> Any:
    """Parse an option's text; return text that cannot be parsed unchanged, for GANConfig to reject."""
    try:
        if setting.kind == "whole":
            return int(text)
        if setting.kind == "number":
            return float(text)
        if setting.kind in ("sizes", "classes"):
            return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        return text
    if setting.kind == "switch":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def read_config(options: dict[str, Any]) -> GANConfig:
    """Return the defaults, overridden by the file of --config, overridden by the options. ValidationError, OSError."""
    config = GANConfig.from_json(options["config"].read_bytes()) if "config" in options else GANConfig()
    return config.replace(**given_settings(options))


def given_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings among the options, as far as their texts can be parsed."""
    given = [setting for setting in GANConfig.settings() if setting.name in options]
    return {setting.name: option_value(setting, options[setting.name]) for setting in given}
