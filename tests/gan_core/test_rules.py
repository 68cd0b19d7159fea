"""Rules of the design that every file follows."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import gan_core

ROOT = Path(gan_core.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MODULES = [".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES]
FOREIGN = {"streamlit", "plotly", "dashboard"}  # what the core never imports
LIGHT = (  # what the page imports: only the process that trains loads PyTorch
    "gan_core",
    "gan_core.cli",
    "gan_core.architecture",
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
    "gan_core.losses",
    "gan_core.metrics",
    "gan_core.images",
    "gan_core.presets",
    "gan_core.runs.jobs",
    "gan_core.runs.protocol",
    "gan_core.runs.registry",
    "gan_core.runs.uploads",
    "gan_core.snapshot",
)


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def loaded_by(modules: tuple[str, ...] | list[str]) -> set[str]:
    """Return the top-level packages that importing ``modules`` loads in a new interpreter."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT.parent, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("path", FILES, ids=MODULES)
def test_no_file_of_the_core_imports_the_page(path: Path) -> None:
    assert not imported(path) & FOREIGN


def test_importing_the_core_does_not_load_the_page() -> None:
    loaded = loaded_by(MODULES)
    assert "torch" in loaded  # the modules were really imported
    assert not loaded & FOREIGN


def test_the_pages_imports_do_not_load_pytorch() -> None:
    loaded = loaded_by(LIGHT)
    assert "gan_core" in loaded
    assert "pydantic" in loaded
    assert not loaded & {"torch", "sklearn", "torchvision", "tqdm"}


# Rules over the source, each with a planted violation ------------------------------------------------------------

SOURCES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path.read_text("utf-8")
    for package in ("gan_core", "dashboard", "benchmarks")
    for path in sorted((ROOT.parent / package).rglob("*.py"))
}
CORE = {name: source for name, source in SOURCES.items() if name.startswith("gan_core")}


def circle(sources: dict[str, str]) -> list[str]:
    """Return the first circle of modules that import one another; empty if there is none.

    Every import counts, also inside a function or for type checking.
    """
    graph: dict[str, set[str]] = {}
    for name, source in sources.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        graph[name] = {module for module in found if module in sources} - {name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def long_functions(sources: dict[str, str], most: int = 60) -> list[str]:
    """Return the functions of more than ``most`` lines."""
    return [
        f"{name}.{node.name}"
        for name, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > most
    ]


def branches_on_the_loss(sources: dict[str, str]) -> list[str]:
    """Return the modules outside ``losses`` that compare a loss's name or call its methods."""

    def asks(node: ast.AST) -> bool:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            texts = any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)
            return texts and any(isinstance(side, ast.Attribute) and side.attr == "loss" for side in sides)
        calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        return calls and isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "loss"

    return [
        name
        for name, source in sources.items()
        if not name.startswith("gan_core.losses") and any(map(asks, ast.walk(ast.parse(source))))
    ]


def readers_of_hidden_sizes(sources: dict[str, str]) -> set[str]:
    """Return the modules that read a config's hidden sizes."""
    return {
        name
        for name, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in ("generator_hidden", "discriminator_hidden")
    }


def test_no_module_is_part_of_an_import_circle() -> None:
    assert len(SOURCES) > 80
    assert circle(SOURCES) == []
    planted = {**SOURCES, "gan_core.config": SOURCES["gan_core.config"] + "\nimport gan_core.training.trainer"}
    assert "gan_core.config" in circle(planted)


def test_no_function_has_more_than_60_lines() -> None:
    assert long_functions(SOURCES) == []
    planted = "def f():\n" + "    x = 1\n" * 60
    assert long_functions({"planted": planted}) == ["planted.f"]


def test_no_module_outside_losses_branches_on_the_loss() -> None:
    assert branches_on_the_loss(SOURCES) == []
    for planted in ('if config.loss == "bce":\n    pass', 'x = snapshot.config.loss.startswith("bce")'):
        assert branches_on_the_loss({"planted": planted}) == ["planted"]


def test_only_architecture_computes_layer_sizes() -> None:
    assert readers_of_hidden_sizes(SOURCES) == {"gan_core.architecture"}
    assert readers_of_hidden_sizes({"planted": "sizes = config.generator_hidden"}) == {"planted"}


def test_the_reference_path_imports_no_engine() -> None:
    def engines(source: str) -> set[str]:
        return {
            node.module
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gan_core.training.engines")
        }

    assert engines(SOURCES["gan_core.training.gan"]) == set()
    assert engines("from gan_core.training.engines.manual import ManualEngine")
