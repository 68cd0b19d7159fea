"""``python -m gan_core`` as a shell runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ["--generator-hidden", "4", "--discriminator-hidden", "4", "--iterations", "2"]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "gan_core", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_in_a_narrow_encoding_shows_what_it_can(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "Übung Δ"
    done = run(["train", *SMALL, "--out", str(folder)], PYTHONIOENCODING=f"{encoding}:strict")
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Trained 2 iterations; saved in " in done.stdout
    assert (folder / "metrics.csv").is_file()


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes files")
def test_no_output_is_needed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gan_core", "train", *SMALL, "--out", str(tmp_path)]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 0
    assert (tmp_path / "samples.png").is_file()


def test_help_fits_every_encoding() -> None:
    done = run(["train", "--help"], PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0, done.stderr
    assert b"--iterations" in done.stdout


def test_a_user_without_a_home_can_train(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    code = (
        "import os, pwd, runpy, sys\n"
        "def unknown(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = unknown\n"
        f"sys.argv = ['gan_core', 'train', '--out', {str(tmp_path / 'out')!r}, *{SMALL!r}]\n"
        "runpy.run_module('gan_core', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Trained 2 iterations" in done.stdout
