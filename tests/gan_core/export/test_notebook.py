"""An exported notebook repeats the run, number for number.

Its code cells are executed in order in one namespace, as a kernel does; a real kernel would need some twenty packages.
"""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from gan_core.export.notebook import training_notebook
from gan_core.snapshot import Change
from tests.gan_core.export.repeats import CASES, ITERATIONS, pytorch_restored, small, train
from tests.gan_core.export.test_script import losses_in


@pytest.mark.parametrize("name", ["D first", "ring", "order changes, updates of one network"])
def test_the_cells_of_a_notebook_give_the_losses_of_the_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, changes = CASES[name]
    losses = train(config, changes, ITERATIONS)[1]
    notebook = nbformat.reads(training_notebook(config, ITERATIONS, changes), as_version=4)
    nbformat.validate(notebook)
    monkeypatch.chdir(tmp_path)
    variables: dict[str, Any] = {}
    with pytorch_restored():
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(cell.source, variables)
    assert losses_in(tmp_path) == losses


def test_each_part_has_a_title_above_its_code() -> None:
    cells = nbformat.reads(training_notebook(small(), 5, [Change(2, {"d_steps": 2})]), as_version=4).cells
    assert cells[0].source.startswith("# Digits (8×8 scans): a GAN trained for 5 iterations, changed 1 time on the way")
    assert [cell.cell_type for cell in cells[1:]] == ["markdown", "code"] * (len(cells) // 2)
    titles = [cell.source.splitlines()[0] for cell in cells[1::2]]
    assert titles == ["## Settings", "## Data", "## Networks", "## Optimisers and noise", "## Training"]


def test_the_same_run_gives_the_same_notebook() -> None:
    assert training_notebook(small(), 5) == training_notebook(small(), 5)
