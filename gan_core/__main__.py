"""``python -m gan_core``: the command line."""

import io
import os
import sys

from gan_core.cli import main
from gan_core.signals import end_as_ctrl_c_does
from gan_core.training.threads import yield_while_waiting


def use_what_the_output_can_show() -> None:
    """Write "?" for a character that the output's encoding lacks, as when it is redirected on Windows.

    Write nowhere if there is no output, as in some services.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    use_what_the_output_can_show()
    end_as_ctrl_c_does()
    yield_while_waiting()  # before PyTorch is imported
    sys.exit(main())
