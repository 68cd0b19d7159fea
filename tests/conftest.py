"""Settings of all tests: one thread, and Hypothesis without randomness or deadlines."""

import os

# Set before PyTorch is imported, and inherited by every process that a test starts: processes of two threads each slow
# one another down on a small machine. A run chooses its number of threads itself.
os.environ["OMP_NUM_THREADS"] = "1"

from hypothesis import settings

settings.register_profile("tests", derandomize=True, database=None, deadline=None)
settings.load_profile("tests")
