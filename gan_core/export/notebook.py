"""The script as a notebook: each of its parts is a cell, with a sentence above it."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from gan_core.config import GANConfig
from gan_core.export.recipe import Recipe
from gan_core.export.script import heading, promise, sections
from gan_core.snapshot import Change

NOTEBOOK_FILE = "training.ipynb"


def training_notebook(config: GANConfig, iterations: int, changes: Sequence[Change] = (), features: int = 0) -> str:
    """Return the notebook, JSON, whose code cells are those of ``training_script``; the same run gives the same text."""
    nbformat: Any = import_module("nbformat")  # untyped; and a page needs its 0.2 seconds only for this download
    new = nbformat.v4
    recipe = Recipe.of(config, iterations, changes, features)
    cells = [new.new_markdown_cell(f"# {heading(recipe)}\n\n{promise(recipe)}")]
    for section in sections(recipe):
        cells += [new.new_markdown_cell(f"## {section.title}\n\n{section.text}"), new.new_code_cell(section.code)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # instead of a random one
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text
