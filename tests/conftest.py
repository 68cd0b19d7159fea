"""What all tests share: one thread, and Hypothesis without chance or clock."""

import os

# Before PyTorch is imported, and inherited by every process that a test starts: two processes of two threads each
# on a small machine wait for one another. A run chooses its number of threads itself.
os.environ["OMP_NUM_THREADS"] = "1"

from hypothesis import settings

settings.register_profile("tests", derandomize=True, database=None, deadline=None)
settings.load_profile("tests")
