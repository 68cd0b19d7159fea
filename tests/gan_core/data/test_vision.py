"""torchvision's datasets, with real MNIST files if this machine has them, and without a network."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError, URLError

import pytest
import torch

from gan_core.config import GANConfig
from gan_core.data import load_dataset
from gan_core.data.dataset import Dataset
from gan_core.data.errors import DataError
from gan_core.data.folder import data_folder
from gan_core.data.import_torchvision import import_torchvision
from gan_core.data.prepared import Progress, is_prepared, prepare_dataset
from gan_core.training.trainer import Trainer
from tests.gan_core.data.real_mnist import REAL, needs_real

ROOT = Path(__file__).parents[3]
REAL_URLOPEN = urllib.request.urlopen  # the fixture ``folder`` replaces it


@needs_real
def test_mnist_files_in_the_folder_are_read_without_a_network(mnist: Path) -> None:
    dataset = load_dataset(GANConfig(dataset="mnist"))
    assert (dataset.count, dataset.features, dataset.shape) == (10_000, 784, (28, 28))
    assert dataset.samples.dtype == torch.uint8
    assert dataset.labels is not None
    assert dataset.labels[:5].tolist() == [7, 2, 1, 0, 4]  # MNIST's well-known first test digits
    batch = dataset.batch(torch.arange(4))
    expected = dataset.samples[:4].double() / 255 * 2 - 1
    assert (float(batch.min()), float(batch.max())) == (-1, 1)
    torch.testing.assert_close(batch.double(), expected, atol=1e-6, rtol=0)


@needs_real
def test_the_lectures_gan_trains_on_mnist(mnist: Path) -> None:
    trainer = Trainer(GANConfig(dataset="mnist", generator_hidden=(16,), discriminator_hidden=(16,)))
    assert torch.isfinite(trainer.step().loss_d)


@pytest.mark.parametrize(
    ("name", "title"), [("mnist", "MNIST"), ("fashion_mnist", "Fashion-MNIST"), ("kmnist", "KMNIST")]
)
def test_without_network_and_files_the_error_says_what_to_do(folder: Path, name: str, title: str) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset(GANConfig(dataset=name))
    sentence = str(caught.value)
    assert sentence.startswith(f"{title} could not be downloaded: the tests have no network")
    assert str(folder / title.replace("-", "") / "raw") in sentence
    assert "train-images-idx3-ubyte.gz" in sentence
    assert "bundled digits" in sentence
    assert [path for path in folder.rglob("*") if path.is_file()] == [], "no incomplete file is left"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (URLError(OSError(-2, "Name or service not known")), "the server could not be reached. Is there a network"),
        (
            URLError(OSError(111, "Connection refused")),
            "the server could not be reached. Is there a network connection?",
        ),
        (ConnectionResetError(104, "Connection reset by peer"), "the server could not be reached. Is there a network"),
        (TimeoutError("timed out"), "the server could not be reached. Is there a network connection?"),
        (
            HTTPError("", 404, "Not Found", Message(), None),
            "the server has no such file, or refuses it (HTTP error 404).",
        ),
        (OSError(28, "No space left on device"), "the disk is full."),
        (PermissionError(13, "Permission denied"), "this program may not write to its data folder; GAN_DATA_DIR can"),
    ],
)
def test_an_error_of_the_system_is_explained(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(DataError) as caught:
        prepare_dataset("mnist", folder)
    assert str(caught.value).startswith(f"MNIST could not be downloaded: {reason}")
    assert "Errno" not in str(caught.value)


def test_without_torchvision_the_error_says_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'torchvision'")

    monkeypatch.setattr("gan_core.data.prepared.import_torchvision", missing)
    with pytest.raises(DataError, match="MNIST needs torchvision, which is not installed"):
        prepare_dataset("mnist", folder)


def test_a_damaged_archive_is_not_used_as_data(folder: Path) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(b"half a file")
    with pytest.raises(DataError):
        load_dataset(GANConfig(dataset="mnist"))
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["train-images-idx3-ubyte.gz"]


def test_a_damaged_unpacked_file_is_refused(folder: Path) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ("train", "t10k"):
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            (raw / f"{split}-{kind}").write_bytes(b"\0\0\x08\x03 nothing")
    with pytest.raises(DataError, match="MNIST could not be read: its files are damaged"):
        load_dataset(GANConfig(dataset="mnist"))


NAMES = {
    "dots": ("MNIST/raw/train-images.idx3-ubyte", "MNIST/raw/train-labels.idx1-ubyte"),
    "archives": ("MNIST/raw/train-images-idx3-ubyte.gz", "MNIST/raw/train-labels-idx1-ubyte.gz"),
    "archives with dots": ("mnist/train-images.idx3-ubyte.gz", "mnist/train-labels.idx1-ubyte.gz"),
    "underscores": ("MNIST/train_images_idx3_ubyte", "MNIST/train_labels_idx1_ubyte"),
    "one of each": ("MNIST/raw/train-images.idx3-ubyte", "MNIST/raw/train-labels-idx1-ubyte.gz"),
    "folders called like their file": (
        "MNIST/raw/train-images-idx3-ubyte/train-images-idx3-ubyte",
        "MNIST/raw/train-labels-idx1-ubyte/train-labels-idx1-ubyte",
    ),
}


@pytest.fixture
def write_idx(folder: Path) -> Callable[[str, str], int]:
    """Write 20 pictures and their labels under two names in the data folder, packed where a name says so."""

    def write(images: str, labels: str) -> int:
        contents = (
            (images, struct.pack(">IIII", 0x803, 20, 28, 28) + bytes(range(98)) * 160),
            (labels, struct.pack(">II", 0x801, 20) + bytes(range(10)) * 2),
        )
        for name, content in contents:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return 20

    return write


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_files_are_recognised_under_the_names_of_other_mirrors(
    names: tuple[str, str], write_idx: Callable[[str, str], int]
) -> None:
    count = write_idx(*names)
    dataset = load_dataset(GANConfig(dataset="mnist"))
    assert dataset.count == count
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [*range(10), *range(10)]
    assert is_prepared("mnist")


def test_another_datasets_files_are_not_taken_for_mnist(write_idx: Callable[[str, str], int]) -> None:
    write_idx("fashion-mnist/train-images.idx3-ubyte", "fashion-mnist/train-labels.idx1-ubyte")
    with pytest.raises(DataError, match="MNIST could not be downloaded"):
        load_dataset(GANConfig(dataset="mnist"))
    assert load_dataset(GANConfig(dataset="fashion_mnist")).count == 20


@pytest.fixture
def read_only(folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let nobody write to the data folder, root included, who these tests may run as; return the cache folder."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    real = os.access

    def refuse(path: Path, mode: int) -> bool:
        return folder not in (path, *Path(path).parents) and real(path, mode)

    monkeypatch.setattr(os, "access", refuse)
    return cache


def test_files_in_a_read_only_folder_are_used(
    folder: Path, read_only: Path, write_idx: Callable[[str, str], int]
) -> None:
    write_idx(*NAMES["archives"])
    before = sorted(folder.rglob("*"))
    assert not is_prepared("mnist")
    assert load_dataset(GANConfig(dataset="mnist")).count == 20
    assert is_prepared("mnist")
    assert sorted(folder.rglob("*")) == before, "nothing is written there"
    assert len(list(read_only.rglob("*.npy"))) == 2


def test_a_read_only_folder_that_was_prepared_elsewhere_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, write_idx: Callable[[str, str], int], request: pytest.FixtureRequest
) -> None:
    write_idx(*NAMES["dots"])
    load_dataset(GANConfig(dataset="mnist"))
    cache = request.getfixturevalue("read_only")
    assert load_dataset(GANConfig(dataset="mnist")).count == 20
    assert list(cache.rglob("*")) == []


def test_files_that_may_not_be_read_are_named(
    folder: Path, write_idx: Callable[[str, str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(*NAMES["archives"])

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("gan_core.data.idx_files.gzip.open", refuse)
    with pytest.raises(DataError) as caught:
        load_dataset(GANConfig(dataset="mnist"))
    assert str(caught.value) == (f"MNIST could not be read: this program may not read {folder / NAMES['archives'][0]}.")


def test_a_user_without_a_home_has_a_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GAN_DATA_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000, raising=False)  # whom the system does not know
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert data_folder() == tmp_path / "gan-training-dashboard-4000000"
    assert not is_prepared("mnist")
    monkeypatch.setenv("GAN_DATA_DIR", "~nobody-of-this-name/data")
    assert data_folder() == Path("~nobody-of-this-name/data")


def test_the_data_folder_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path / "there"))
    assert data_folder() == tmp_path / "there"
    monkeypatch.delenv("GAN_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "gan-training-dashboard"


def test_torchvision_can_be_imported_and_is_not_loaded_for_other_datasets() -> None:
    code = (
        "import sys\n"
        "from gan_core import GANConfig, Trainer\n"
        "Trainer(GANConfig(generator_hidden=(4,), discriminator_hidden=(4,)))\n"
        "assert 'torchvision' not in sys.modules\n"
        "from gan_core.data.import_torchvision import import_torchvision\n"
        "print(import_torchvision().datasets.MNIST.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "MNIST"


def test_an_import_error_of_torchvision_is_raised() -> None:
    code = (
        "import sys\n"
        "from gan_core.data.import_torchvision import import_torchvision\n"
        "sys.modules['torchvision.datasets'] = None\n"  # makes the import raise ModuleNotFoundError
        "import_torchvision()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr


def test_uint8_and_float_samples_give_the_same_batches() -> None:
    bytes_ = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    as_bytes = Dataset("b", "B", bytes_, (4, 4))
    as_floats = Dataset("f", "F", bytes_.float() / 127.5 - 1, (4, 4))
    indices = torch.tensor([3, 0, 15])
    assert torch.equal(as_bytes.batch(indices), as_floats.batch(indices))


# Prepared files ----------------------------------------------------------------------------------------------


@needs_real
def test_a_prepared_dataset_is_mapped_copy_on_write(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = GANConfig(dataset="mnist")
    assert not is_prepared("mnist")
    first = load_dataset(config)
    assert is_prepared("mnist")
    monkeypatch.setattr(
        "gan_core.data.prepared.import_torchvision", lambda: pytest.fail("torchvision is not needed again")
    )
    second = load_dataset(config)
    kept = first.samples[0].clone()
    second.samples[0] = 255  # writing changes the data of this run only
    assert torch.equal(first.samples[0], kept)
    assert torch.equal(load_dataset(config).samples[0], kept)


@needs_real
def test_newer_downloaded_files_are_prepared_again(mnist: Path) -> None:
    load_dataset(GANConfig(dataset="mnist"))
    raw = mnist / "train-labels-idx1-ubyte"
    later = raw.stat().st_mtime + 3600
    os.utime(raw, (later, later))
    assert not is_prepared("mnist")


@needs_real
def test_only_the_samples_of_the_chosen_classes_are_used(mnist: Path) -> None:
    every = load_dataset(GANConfig(dataset="mnist"))
    some = load_dataset(GANConfig(dataset="mnist", classes=(8, 3)))
    assert every.labels is not None
    wanted = ((every.labels == 3) | (every.labels == 8)).nonzero().flatten()
    assert some.count == len(wanted) == 1010 + 974  # of MNIST's test files
    assert torch.equal(some.batch(torch.arange(some.count)), every.batch(wanted))


@needs_real
def test_the_files_for_testing_are_not_needed(mnist: Path) -> None:
    for path in mnist.glob("t10k-*"):
        path.unlink()
    assert load_dataset(GANConfig(dataset="mnist")).count == 10_000


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write nothing to the tests' output."""


@pytest.fixture
def mirror(folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A local mirror of MNIST: archives of its real test files, named like the training files."""
    place = tmp_path_factory.mktemp("mirror")
    resources = []
    for file in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        content = (REAL / f"t10k-{file}.gz").read_bytes()
        (place / f"train-{file}.gz").write_bytes(content)
        resources.append((f"train-{file}.gz", hashlib.md5(content, usedforsecurity=False).hexdigest()))
    kind = import_torchvision().datasets.MNIST
    monkeypatch.setattr(kind, "resources", resources)
    monkeypatch.setattr("urllib.request.urlopen", REAL_URLOPEN)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(place))) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(kind, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        yield place
        server.shutdown()


@needs_real
def test_a_download_reports_progress_and_leaves_no_temporary_files(
    folder: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_core.data.prepared.REPORT_EVERY", 0.001)
    reports: list[Progress] = []
    prepare_dataset("mnist", folder, reports.append)
    assert is_prepared("mnist", folder)
    assert load_dataset(GANConfig(dataset="mnist")).count == 10_000
    downloading = [progress for progress in reports if progress.description == "Downloading MNIST"]
    assert downloading
    assert all(progress.unit == "bytes" and 0 <= progress.done <= progress.total for progress in downloading)
    assert [progress.done for progress in downloading] == sorted(progress.done for progress in downloading)
    assert {path.name for path in folder.iterdir()} == {"MNIST"}


@needs_real
def test_a_download_with_a_wrong_checksum_is_not_used_as_data(folder: Path, mirror: Path) -> None:
    (mirror / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    with pytest.raises(DataError, match="MNIST could not be downloaded: the downloaded file is incomplete or damaged"):
        prepare_dataset("mnist", folder)
    assert not is_prepared("mnist", folder)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
