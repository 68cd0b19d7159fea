"""Settings of all tests: one thread, and Hypothesis without randomness or deadlines."""

import os
import shutil
import tempfile
from collections.abc import Iterator

# Set before PyTorch is imported, and inherited by every process that a test starts: processes of two threads each slow
# one another down on a small machine. A run chooses its number of threads itself.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

settings.register_profile("tests", derandomize=True, database=None, deadline=None)
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def runs_folder() -> Iterator[None]:
    """Keep the runs of tests out of the user's own folder."""
    folder = tempfile.mkdtemp(prefix="gan-runs-")
    os.environ["GAN_RUNS_DIR"] = folder
    yield
    shutil.rmtree(folder, ignore_errors=True)
