"""``python -m gan_core train``: training without a page."""

import sys

from gan_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
