"""The Dockerfile: its image where a container tool works; elsewhere its files, user and commands in a plain environment."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.visitor import Visitor
from tests.serving import ROOT, free_port, serving, train

TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())


def container_tool() -> str | None:
    """Return a container tool that works: docker's client may be there without its daemon."""
    found = filter(None, map(shutil.which, ("docker", "podman")))
    return next((tool for tool in found if not subprocess.run([tool, "info"], capture_output=True).returncode), None)


TOOL = container_tool()


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", TEXT, re.MULTILINE)


def health_check(port: int) -> list[str]:
    command: list[str] = json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])
    return [sys.executable, *(part.replace(":8501/", f":{port}/") for part in command[1:])]


def installed(folder: Path) -> Path:
    """Return a copy of what the Dockerfile copies, which nobody but its owner can write."""
    app = folder / "app"
    app.mkdir()
    for line in instructions("COPY"):
        source = ROOT / line.split()[0]
        if source.is_dir():
            shutil.copytree(source, app / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, app)
    for path in (app, *app.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return app


@pytest.mark.skipif(sys.platform != "linux" or TOOL is not None, reason="the image itself is tested")
@pytest.mark.parametrize("prefix", ["", "/x/y"])
def test_the_images_command_serves_a_page_that_trains_from_read_only_code(tmp_path: Path, prefix: str) -> None:
    app, home = installed(tmp_path), tmp_path / "home"
    home.mkdir()
    command = json.loads(instructions("CMD")[0])
    assert command[:2] == ["streamlit", "run"]
    start = [sys.executable, "-m", *command[:2], str(app / Path(command[2]).relative_to("/app")), *command[3:]]
    start += [f"--server.baseUrlPath={prefix}"] if prefix else []
    if os.getuid() == 0:  # who may write read-only files otherwise
        start = ["setpriv", "--bounding-set=-dac_override", *start]
        refused = [*start[:2], "cp", os.devnull, str(app / "requirements.txt")]
        assert subprocess.run(refused, capture_output=True).returncode != 0
    before = sorted(app.rglob("*"))
    with serving(home, start, prefix, {"HOME": str(home)}, cwd=home) as server:
        if not prefix:
            subprocess.run(health_check(int(server.address.rpartition(":")[2])), check=True, timeout=30)
        with Visitor(server.address) as visitor:
            train(visitor)
    assert sorted(app.rglob("*")) == before
    assert list((home / "runs").iterdir())


def test_a_failed_health_check_is_one() -> None:
    assert subprocess.run(health_check(free_port()), capture_output=True, timeout=30).returncode != 0


def test_the_image_runs_as_a_user_and_keeps_what_it_writes_in_its_volume() -> None:
    assert instructions("USER")[-1] != "root"
    (volume,) = instructions("VOLUME")
    variables = dict(part.split("=", 1) for part in " ".join(instructions("ENV")).split())
    assert all(variables[name].startswith(volume) for name in ("HOME", "GAN_RUNS_DIR", "GAN_DATA_DIR"))


@pytest.mark.skipif(TOOL is None, reason="there is no container tool")
@pytest.mark.timeout(1800)
def test_the_image_builds_and_is_healthy() -> None:
    assert TOOL is not None
    subprocess.run([TOOL, "build", "-t", "gan-test", "."], cwd=ROOT, check=True)
    port = free_port()
    run = [TOOL, "run", "--rm", "-d", "--read-only", "--tmpfs", "/tmp", "-p", f"127.0.0.1:{port}:8501", "gan-test"]
    name = subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    try:
        deadline = time.monotonic() + 120
        while subprocess.run(health_check(port), capture_output=True).returncode != 0:
            assert time.monotonic() < deadline
            time.sleep(1)  # a starting server gives no other sign
        with Visitor(f"http://127.0.0.1:{port}") as visitor:
            train(visitor)
    finally:
        subprocess.run([TOOL, "rm", "-f", name], check=True)
