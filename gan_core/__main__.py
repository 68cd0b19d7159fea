"""``python -m gan_core``: the command line."""

import sys

from gan_core.cli import main
from gan_core.training.threads import yield_while_waiting

if __name__ == "__main__":
    yield_while_waiting()  # before PyTorch is imported
    sys.exit(main())
