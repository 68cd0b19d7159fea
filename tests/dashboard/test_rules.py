"""The rules of the house that hold for the page."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "dashboard"


def imports(path: Path) -> set[str]:
    """Names of the top-level packages that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def test_charts_never_import_streamlit() -> None:
    files = list((DASHBOARD / "charts").glob("*.py"))
    assert len(files) > 4
    assert [path.name for path in files if "streamlit" in imports(path)] == []


def test_only_the_session_package_touches_session_state_and_the_registry() -> None:
    touching = {
        path.relative_to(DASHBOARD).parts[0]
        for path in DASHBOARD.rglob("*.py")
        if "st.session_state" in (text := path.read_text(encoding="utf-8")) or "runs.registry" in text
    }
    assert touching == {"session"}


def test_session_state_is_touched_in_one_file() -> None:
    touching = [path.name for path in DASHBOARD.rglob("*.py") if "st.session_state" in path.read_text(encoding="utf-8")]
    assert touching == ["state.py"]


def test_opening_the_page_imports_no_pytorch() -> None:
    """It belongs to the run's process: a page without it starts a second sooner and 200 MB smaller."""
    code = (
        "import sys\n"
        "import dashboard.views.train, gan_core.runs.process, gan_core.config\n"
        "assert not {'torch', 'torchvision', 'sklearn'} & set(sys.modules), 'imported at start-up'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_entry_does_nothing_in_a_childs_import() -> None:
    tree = ast.parse((DASHBOARD / "app.py").read_text(encoding="utf-8"))
    docstring, *guarded = tree.body
    assert isinstance(docstring, ast.Expr)
    tests = [ast.unparse(part.test) for part in guarded if isinstance(part, ast.If)]
    assert tests == ["__name__ != '__mp_main__'", "__name__ == '__main__'"]
    assert len(tests) == len(guarded)
