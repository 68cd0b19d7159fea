"""Without what only Linux or Unix has, everything still works: here each absence is simulated, in children too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Python imports this file in every new interpreter that has its folder on the path.
ABSENT = """
import os, signal, sys
if hasattr(signal, "SIGHUP"):
    del signal.SIGHUP
for name in {names!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in {modules!r}:
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
"""
NAMES = (
    "nice",
    "sched_getaffinity",
    "sched_setaffinity",
    "getuid",
    "fork",
    "forkpty",
    "link",
    "setpriority",
    "getpriority",
    "statvfs",
)
MODULES = ("resource", "pwd", "grp", "fcntl", "termios")

RUN = """
import sys, tempfile
from pathlib import Path
from gan_core import GANConfig
from gan_core.runs import process
from gan_core.runs.jobs import Job, JobDone
from gan_core.runs.protocol import Step
from tests.gan_core.runs.support import ask
from tests.gan_core.runs.test_jobs import add, ended, until

if __name__ == "__main__":
    process.FORKSERVER = False
    assert until(Job(add, 2, 3), ended) == JobDone(5)
    process.start_fork_server()
    assert "multiprocessing.forkserver" not in sys.modules
    with tempfile.TemporaryDirectory() as folder:
        config = GANConfig(generator_hidden=(4,), discriminator_hidden=(4,))
        runner = process.ProcessRunner("a", config, Path(folder))
        print(ask(runner, Step(2)).iteration, process.worker_context().get_start_method())
        runner.close()
"""

FOLDERS = """
from gan_core.data.folder import cache_folder
from gan_core.runs.store import runs_folder

print(cache_folder().name, runs_folder().name)
"""
LINK = """
from pathlib import Path
from gan_core.data.own.samples import link

link(Path("run.py"), Path("other.py"))
print(Path("other.py").read_text() == Path("run.py").read_text())
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose interpreters lack what Windows lacks, and so what macOS lacks."""
    (tmp_path / "sitecustomize.py").write_text(ABSENT.format(names=NAMES, modules=MODULES))
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}


def execute(environment: dict[str, str], *arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_simulated_absences_are_real_in_new_interpreters(environment: dict[str, str], tmp_path: Path) -> None:
    assert (
        execute(
            environment,
            "-c",
            "import os, signal; print(hasattr(os, 'sched_getaffinity'), hasattr(signal, 'SIGHUP'))",
            folder=tmp_path,
        )
        == "False False\n"
    )


def test_runs_and_jobs_work_in_new_interpreters(environment: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)
    assert execute(environment, str(script), folder=tmp_path) == "2 spawn\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows names a user's folders without the environment")
def test_folders_of_a_user_without_a_number_are_named_for_no_user(environment: dict[str, str], tmp_path: Path) -> None:
    without_home = {name: value for name, value in environment.items() if not name.startswith(("HOME", "XDG_", "GAN_"))}
    script = tmp_path / "run.py"
    script.write_text(FOLDERS)
    names = "gan-training-dashboard-user gan-training-dashboard-runs-user\n"
    assert execute(without_home, str(script), folder=tmp_path) == names


def test_own_data_is_copied_where_there_are_no_hard_links(environment: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(LINK)
    assert execute(environment, str(script), folder=tmp_path) == "True\n"


def test_the_command_line_trains(environment: dict[str, str], tmp_path: Path) -> None:
    options = ["--generator-hidden", "4", "--discriminator-hidden", "4", "--iterations", "2", "--out", "out"]
    assert "Trained 2 iterations" in execute(environment, "-m", "gan_core", "train", *options, folder=tmp_path)
    assert (tmp_path / "out" / "samples.png").is_file()
