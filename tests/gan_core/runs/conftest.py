"""Fixtures that start a run by every runner."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gan_core.runs.inline import InlineRunner
from gan_core.runs.process import ProcessRunner
from tests.gan_core.runs.support import Make, starter


@pytest.fixture(autouse=True)
def same_threads() -> None:
    """Let the trainers here use as many threads as a run, for equality bit for bit."""
    torch.set_num_threads(1)


@pytest.fixture(params=[InlineRunner, ProcessRunner], ids=["inline", "process"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function that starts runs of one kind; they end with the test."""
    yield from starter(request.param, tmp_path)


@pytest.fixture
def make_process(tmp_path: Path) -> Iterator[Make]:
    yield from starter(ProcessRunner, tmp_path)


@pytest.fixture
def make_inline(tmp_path: Path) -> Iterator[Make]:
    yield from starter(InlineRunner, tmp_path)
