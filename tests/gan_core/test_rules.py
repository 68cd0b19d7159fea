"""Rules of the house that hold for every file of gan_core."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gan_core

ROOT = Path(gan_core.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MODULES = [".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES]
FOREIGN = {"streamlit", "plotly", "dashboard"}  # what the core knows nothing of
LIGHT = (  # what the page imports, and PyTorch belongs to the process that trains
    "gan_core",
    "gan_core.cli",
    "gan_core.config",
    "gan_core.data",
    "gan_core.data.drawing",
    "gan_core.data.own.upload",
    "gan_core.data.own.path",
    "gan_core.data.own.images",
    "gan_core.data.own.points",
    "gan_core.data.prepared",
    "gan_core.diagnostics.views",
    "gan_core.history",
    "gan_core.metrics",
    "gan_core.images",
    "gan_core.presets",
    "gan_core.runs.jobs",
    "gan_core.runs.protocol",
    "gan_core.runs.registry",
    "gan_core.snapshot",
)


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def loaded_by(modules: tuple[str, ...] | list[str]) -> set[str]:
    """Top-level packages in a fresh interpreter's memory after importing ``modules``."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT.parent, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("path", FILES, ids=MODULES)
def test_no_file_imports_the_page(path: Path) -> None:
    assert not imported(path) & FOREIGN


def test_no_module_brings_the_page_in() -> None:
    loaded = loaded_by(MODULES)
    assert "torch" in loaded  # so the list of modules is not an empty one
    assert not loaded & FOREIGN


def test_what_the_page_imports_is_free_of_pytorch() -> None:
    loaded = loaded_by(LIGHT)
    assert "gan_core" in loaded
    assert "pydantic" in loaded
    assert not loaded & {"torch", "sklearn", "torchvision", "tqdm"}
