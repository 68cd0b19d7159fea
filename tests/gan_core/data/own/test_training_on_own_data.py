"""Runs on the learner's own data: the kept file, its loaders, and how runs share it."""

import errno
import os
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gan_core import GANConfig, Trainer
from gan_core.data import DATASETS, Source, load_dataset
from gan_core.data.errors import DataError
from gan_core.data.own.points import read_points
from gan_core.data.own.refusals import Gathered
from gan_core.data.own.samples import OWN_FILE, fingerprint, keep
from gan_core.runs.inline import InlineRunner
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Step
from gan_core.runs.registry import Registry
from gan_core.runs.run import CannotStart, Run
from tests.gan_core.support import noise_images, own_file, points, tiny

POINTS = points(20, 2).samples.numpy()


# The kept file -----------------------------------------------------------------------------------------------


def test_the_fingerprint_depends_on_values_shape_and_dtype() -> None:
    pictures = noise_images(20)
    other = pictures.copy()
    other[7, 3, 3] ^= 1
    arrays: list[NDArray[Any]] = [pictures, other, pictures[:19], pictures.reshape(20, 4, 16), pictures.view(np.int8)]
    prints = [fingerprint(array) for array in arrays]
    assert len(set(prints)) == len(arrays)
    assert fingerprint(pictures.copy()) == prints[0]
    assert fingerprint(np.repeat(pictures, 2, 0)[::2]) == prints[0]  # memory layout makes no difference
    assert all(GANConfig(own_data=digits).own_data == digits for digits in prints)


def test_keep_leaves_the_old_file_if_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "upload.npy"
    assert keep(POINTS, path) == fingerprint(POINTS)

    def full(file: Path, *_: object, **__: object) -> None:
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space"):
        keep(noise_images(20), path)
    assert [file.name for file in tmp_path.iterdir()] == ["upload.npy"]
    np.testing.assert_array_equal(np.load(path), POINTS)


def test_gathered_samples_and_errors_can_be_pickled() -> None:
    gathered = Gathered(noise_images(20), ("One.",), ("Two.",))
    received = pickle.loads(pickle.dumps(gathered))
    np.testing.assert_array_equal(received.array, gathered.array)
    assert (received.refusals, received.notes) == (gathered.refusals, gathered.notes)
    assert str(pickle.loads(pickle.dumps(DataError("No.")))) == "No."


# Loaders -----------------------------------------------------------------------------------------------------


def test_kept_pictures_are_loaded_unchanged(tmp_path: Path) -> None:
    path, settings = own_file(tmp_path, side=12)
    dataset = load_dataset(tiny(**settings), path)
    assert (dataset.name, dataset.title) == ("own_pictures", "My own pictures")
    assert (dataset.count, dataset.shape, dataset.labels) == (20, (12, 12), None)
    assert dataset.samples.dtype == torch.uint8
    np.testing.assert_array_equal(dataset.samples.numpy().reshape(-1, 12, 12), noise_images(20, 12))


def test_kept_points_are_loaded_unchanged(tmp_path: Path) -> None:
    gathered = read_points("a.csv", "".join(f"{x},{y}\n" for x, y in POINTS.tolist()).encode())
    config = tiny(dataset="own_points", own_data=keep(gathered.array, tmp_path / "p.npy"))
    dataset = load_dataset(config, tmp_path / "p.npy")
    assert (dataset.count, dataset.shape) == (20, (2,))
    np.testing.assert_array_equal(dataset.samples.numpy(), gathered.array)
    assert torch.isfinite(Trainer(config, dataset).step().loss_d)


def test_runs_share_the_files_memory_and_cannot_change_it(tmp_path: Path) -> None:
    path, settings = own_file(tmp_path)
    content = path.read_bytes()
    first, second = (Trainer(tiny(**settings), load_dataset(tiny(**settings), path)).dataset for _ in range(2))
    if sys.platform == "linux":
        for dataset in (first, second):
            assert mapped(path, dataset.samples.data_ptr())
    before = second.samples.clone()
    first.samples.fill_(7)
    assert first.samples.eq(7).all()
    assert torch.equal(second.samples, before)
    assert path.read_bytes() == content


def mapped(path: Path, address: int) -> bool:
    """Return whether this address of this process is mapped from the file."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(str(path)):
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if begin <= address < end:
                return True
    return False


def test_a_new_upload_does_not_change_the_data_of_a_loaded_run(tmp_path: Path) -> None:
    path, settings = own_file(tmp_path)
    dataset = load_dataset(tiny(**settings), path)
    keep(np.zeros((20, 8, 8), np.uint8), path)
    np.testing.assert_array_equal(dataset.samples.numpy().reshape(-1, 8, 8), noise_images(20))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"picture_size": 12}, "Your own pictures were scaled to 8×8 pixels, not 12×12: upload them again."),
        ({"dataset": "own_points"}, "The file of your own data contains no points: upload a CSV"),
        ({"own_data": "0123456789abcdef"}, "The available pictures are not those of these settings: upload the"),
        ({"own_data": ""}, "The available pictures are not those of these settings: upload the pictures again."),
        ({"classes": (1,)}, "Classes = 1 is not possible; they should be left out: My own pictures has none."),
    ],
)
def test_settings_that_do_not_fit_the_file_are_refused(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path, settings = own_file(tmp_path)
    with pytest.raises(DataError) as caught:
        load_dataset(tiny(**{**settings, **changes}), path)
    assert str(caught.value).startswith(sentence)


def test_a_file_of_points_is_refused_as_pictures(tmp_path: Path) -> None:
    config = tiny(dataset="own_pictures", own_data=keep(POINTS, tmp_path / "p.npy"))
    with pytest.raises(DataError, match=r"^The file of your own data contains no pictures: upload pictures"):
        load_dataset(config, tmp_path / "p.npy")


@pytest.mark.parametrize(("name", "kind"), [("own_pictures", "pictures"), ("own_points", "points")])
def test_a_missing_file_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    for own in (None, tmp_path / "nothing.npy"):
        with pytest.raises(DataError) as caught:
            load_dataset(tiny(dataset=name, own_data="0123456789abcdef"), own)
        assert str(caught.value) == (
            f"Your own {kind} are not available: upload the {kind} again. Uploads are not kept once their run has ended."
        )


def pickled(path: Path) -> None:
    np.save(path, np.array([print] * 20, object), allow_pickle=True)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def no_array(path: Path) -> None:
    path.write_bytes(b"text")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def packed(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, POINTS)


@pytest.mark.parametrize("harm", [pickled, cut_off, no_array, emptied, packed])
def test_a_damaged_file_is_refused(harm: Any, tmp_path: Path) -> None:
    path, settings = own_file(tmp_path)
    harm(path)
    with pytest.raises(DataError, match=r"^The file of your own pictures cannot be read: upload the pictures again\."):
        load_dataset(tiny(**settings), path)


# Runs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which runs create theirs."""
    folders = tmp_path / "runs"
    folders.mkdir()
    monkeypatch.setenv("GAN_RUNS_DIR", str(folders))
    return folders


@pytest.fixture(params=[InlineRunner, ProcessRunner], ids=["inline", "process"])
def registry(request: pytest.FixtureRequest, folders: Path) -> Any:
    registry = Registry(request.param)
    yield registry
    registry.close()


@pytest.fixture
def inline(folders: Path) -> Any:
    registry = Registry(InlineRunner)
    yield registry
    registry.close()


def trained_on(run: Run) -> tuple[str, int]:
    """Train one iteration; return the title and the number of samples of the run's dataset."""
    run.send(Step(1))
    report = run.poll(30)
    assert report.snapshot is not None, report.failure
    assert report.snapshot.iteration == 1
    return report.snapshot.dataset_title, report.snapshot.dataset_count


def test_a_run_keeps_its_file_and_passes_it_on_when_restarted(
    registry: Registry, tmp_path: Path, folders: Path
) -> None:
    path, settings = own_file(tmp_path)
    run = registry.create(tiny(**settings), path)
    assert os.path.samefile(run.folder / OWN_FILE, path)
    path.unlink()  # the page may delete its upload
    assert trained_on(run) == ("My own pictures", 20)
    again = registry.restart(run.id, tiny(**settings, seed=5))
    assert trained_on(again) == ("My own pictures", 20)
    assert {*folders.iterdir()} == {run.folder, again.folder}, "the replaced run is kept for undo, with its file"
    registry.end(again.id)
    assert list(folders.iterdir()) == [again.folder], "the run is saved, and the one that it replaced is not"
    assert (again.folder / OWN_FILE).exists()


def test_the_real_samples_of_a_snapshot_are_the_uploaded_pictures(registry: Registry, tmp_path: Path) -> None:
    path, settings = own_file(tmp_path)
    snapshot = registry.create(tiny(**settings), path).poll(30).snapshot
    assert snapshot is not None
    assert snapshot.shape == (8, 8)
    shown = np.round((snapshot.real + 1) * 127.5).astype(np.uint8)
    kept = {picture.tobytes() for picture in noise_images(20)}
    assert {picture.tobytes() for picture in shown} <= kept


def test_a_restart_on_another_dataset_keeps_the_file(
    inline: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "points", Source("Points", "tests.gan_core.support:load_points"))
    path, settings = own_file(tmp_path)
    run = inline.create(tiny(**settings), path)
    other = inline.restart(run.id, tiny(dataset="points", own_data=settings["own_data"]))
    assert trained_on(other) == ("Points", 44)
    assert trained_on(inline.restart(run.id, tiny(**settings))) == ("My own pictures", 20)


def test_a_new_upload_replaces_the_file_of_a_run(inline: Registry, tmp_path: Path) -> None:
    path, settings = own_file(tmp_path)
    run = inline.create(tiny(**settings), path)
    config = tiny(dataset="own_points", own_data=keep(POINTS, tmp_path / "p.npy"))
    assert trained_on(inline.restart(run.id, config, tmp_path / "p.npy")) == ("My own points (CSV)", 20)


@pytest.mark.parametrize("own_data", ["", "0123456789abcdef"])
def test_a_file_is_not_passed_on_to_settings_with_another_fingerprint(
    own_data: str, inline: Registry, tmp_path: Path
) -> None:
    path, settings = own_file(tmp_path)
    run = inline.create(tiny(**settings), path)
    with pytest.raises(CannotStart, match=r"^Your own pictures are not available: upload the pictures again\."):
        inline.restart(run.id, tiny(**{**settings, "own_data": own_data}))


def test_a_failed_restart_keeps_the_run_and_its_file(registry: Registry, tmp_path: Path, folders: Path) -> None:
    path, settings = own_file(tmp_path)
    run = registry.create(tiny(**settings), path)
    with pytest.raises(CannotStart, match=r"^Your own pictures were scaled to 8×8 pixels, not 12×12"):
        registry.restart(run.id, tiny(**{**settings, "picture_size": 12}), wait=30)
    assert registry.get(run.id) is run
    assert list(folders.iterdir()) == [run.folder]
    assert trained_on(run) == ("My own pictures", 20)


def test_a_run_reports_that_its_upload_is_missing(inline: Registry, tmp_path: Path) -> None:
    path, settings = own_file(tmp_path)
    path.unlink()
    report = inline.create(tiny(**settings), path).poll()
    assert report.failure is not None
    assert report.failure.message.startswith("Your own pictures are not available: upload the pictures again.")


def test_the_file_is_copied_where_hard_links_are_not_possible(
    inline: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    path, settings = own_file(tmp_path)
    run = inline.create(tiny(**settings), path)
    assert not os.path.samefile(run.folder / OWN_FILE, path)
    assert trained_on(run) == ("My own pictures", 20)
    path.unlink()
    report = inline.create(tiny(**settings), path).poll()
    assert report.state == "failed"


def test_a_full_disk_leaves_no_run_folder(
    inline: Registry, tmp_path: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copyfile", refuse)
    path, settings = own_file(tmp_path)
    with pytest.raises(CannotStart, match="No space"):
        inline.create(tiny(**settings), path)
    assert list(folders.iterdir()) == []
