"""MNIST's test files, where this machine has them."""

from pathlib import Path

import pytest

REAL = Path(__file__).parents[4] / "shared" / "data" / "mnist"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"needs MNIST's test files in {REAL}")
