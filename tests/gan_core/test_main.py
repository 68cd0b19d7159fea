"""``python -m gan_core`` as a shell runs it."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_core.__main__ import use_what_the_output_can_show
from gan_core.cli import main

ROOT = Path(__file__).parents[2]
SMALL = ["train", "--generator-hidden", "4", "--discriminator-hidden", "4", "--iterations", "2"]


def test_an_unknown_user_without_a_home_can_train_and_a_narrow_output_shows_what_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "Übung Δ"
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    code = (
        "import os, pwd, runpy, sys\n"
        "def unknown(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = unknown\n"
        f"sys.argv = ['gan_core', *{[*SMALL, '--out', str(folder)]!r}]\n"
        "runpy.run_module('gan_core', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**environment, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Trained 2 iterations; saved in " in done.stdout
    assert (folder / "metrics.csv").is_file()


def test_help_fits_every_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(shown, "ascii", "strict", write_through=True))
    use_what_the_output_can_show()
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert b"--iterations" in shown.getvalue()


def test_no_output_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a service, or where a shell has closed them, Python has neither output."""
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    use_what_the_output_can_show()
    assert main([*SMALL, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "samples.png").is_file()
    sys.stdout.close()
    sys.stderr.close()
