"""What a process that was killed while it prepared a dataset has left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_core.data.prepared import remove_abandoned
from tests.gan_core.data.real_mnist import needs_real

ROOT = Path(__file__).parents[3]

PREPARING = """
import sys
from pathlib import Path
from gan_core.data import prepared

def save(path, array):
    (path.parent / ".partial-1-half.npy").touch()
    print(flush=True)
    sys.stdin.read()  # until it is killed

prepared.save_array = save
prepared.prepare_dataset("mnist", Path(sys.argv[1]))
"""


@needs_real
@pytest.mark.skipif(os.name == "nt", reason="nothing kills a process at once")
def test_only_the_partial_files_of_a_killed_process_are_removed(mnist: Path, folder: Path) -> None:
    kept = sorted(path for path in folder.rglob("*") if path.is_file())
    staged = mnist.parent / ".downloading-1"
    with subprocess.Popen(
        [sys.executable, "-c", PREPARING, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as preparing:
        assert preparing.stdout is not None
        assert preparing.stdout.readline()
        (staged / "MNIST" / "raw").mkdir(parents=True)
        (staged / "MNIST" / "raw" / "half.gz").touch()
        remove_abandoned(folder)
        assert staged.exists(), "its process is alive"
        assert (mnist.parent / ".partial-1-half.npy").exists()
        preparing.kill()
        preparing.wait()
    remove_abandoned(folder)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == kept
    assert not staged.exists()
