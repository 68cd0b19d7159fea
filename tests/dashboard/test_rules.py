"""The rules of the program that hold for the dashboard, and for both packages where the rule is the same."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gan_core.losses import LOSSES

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "dashboard"
PACKAGES = ("gan_core", "dashboard")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """Return the dotted name of a module's file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> set[str]:
    """Return the names that a file imports, "a.b" for both ``import a.b`` and ``from a import b``; types aside."""
    found: set[str] = set()
    pending: list[ast.AST] = [tree(path)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        pending.extend(ast.iter_child_nodes(node))
    return found


def modules(package: str) -> dict[str, Path]:
    return {name_of(path): path for path in (ROOT / package).rglob("*.py")}


def run_python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("package", ["charts", "panels"])
def test_charts_and_panels_never_import_streamlit(package: str) -> None:
    files = list((DASHBOARD / package).glob("*.py"))
    assert len(files) > 4
    lines = "\n".join(f"import {name_of(path)}" for path in files)
    run_python(f"import sys\n{lines}\nassert 'streamlit' not in sys.modules, 'imported'")


def test_only_the_session_package_touches_session_state_and_the_registry() -> None:
    touching = {
        path.relative_to(DASHBOARD).parts[0]
        for path in DASHBOARD.rglob("*.py")
        if "st.session_state" in (text := path.read_text(encoding="utf-8")) or "gan_core.runs.r" in text
    }
    assert touching == {"session"}


def test_session_state_is_touched_in_one_file() -> None:
    touching = [path.name for path in DASHBOARD.rglob("*.py") if "st.session_state" in path.read_text(encoding="utf-8")]
    assert touching == ["state.py"]


def test_the_pages_process_never_imports_pytorch() -> None:
    """A page without PyTorch opens a second sooner and is 200 MB smaller; the run's own process imports it."""
    everything = "\n".join(f"import {name}" for name in modules("dashboard") if name != "dashboard.app")
    run_python(
        f"""
import sys
{everything}
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
from dashboard.session import server
server.browser_secret = lambda: "a browser"
app = AppTest.from_file("dashboard/app.py", default_timeout=60)
for page in ("train", "walk"):
    app._page_hash = calc_hash(page if page == "walk" else "")
    app.run()
    assert not app.exception, app.exception
    assert "step" in [button.key for button in app.button], page
heavy = {{"torch", "torchvision", "sklearn"}} & set(sys.modules)
assert not heavy, f"imported: {{heavy}}"
"""
    )


def import_graph(package: str) -> dict[str, set[str]]:
    """Return the modules of the package that each of its modules imports, at any depth of its code."""
    files = modules(package)
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        targets = (name if name in files else name.rpartition(".")[0] for name in imported(path))
        graph[module] = {target for target in targets if target in files}
    return graph


@pytest.mark.parametrize("package", ["dashboard"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    graph = import_graph(package)
    assert sum(map(len, graph.values())) > 50
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def decisions_on_a_loss(path: Path) -> Iterator[str]:
    """Yield each place that compares with a loss's name, or matches on one."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Compare):
            compared = [constant.value for constant in ast.walk(node) if isinstance(constant, ast.Constant)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in ("startswith", "endswith", "removeprefix", "removesuffix"):
                continue
            compared = [constant.value for constant in ast.walk(node) if isinstance(constant, ast.Constant)]
        elif isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant):
            compared = [node.value.value]
        else:
            continue
        if any(isinstance(text, str) and text and any(name.startswith(text) for name in LOSSES) for text in compared):
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_only_the_losses_package_decides_on_a_losss_name() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    outside = [path for path in files if not path.is_relative_to(ROOT / "gan_core" / "losses")]
    assert [place for path in outside for place in decisions_on_a_loss(path)] == []


def test_the_entry_does_nothing_when_a_child_process_imports_it() -> None:
    docstring, *guarded = tree(DASHBOARD / "app.py").body
    assert isinstance(docstring, ast.Expr)
    tests = [ast.unparse(part.test) for part in guarded if isinstance(part, ast.If)]
    assert tests == ["__name__ != '__mp_main__'", "__name__ == '__main__'"]
    assert len(tests) == len(guarded)
