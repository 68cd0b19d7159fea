"""Folders and zips of the same files give the same pictures and say the same about what is left out."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.data.errors import DataError
from gan_core.data.own import archive as own_archive
from gan_core.data.own.images import read_images
from gan_core.data.own.path import read_path
from gan_core.data.own.refusals import Gathered
from tests.gan_core.support import encoded, noise_images, zipped

PICTURES = noise_images(16)
GOOD = {f"{index:02}.png": encoded(picture) for index, picture in enumerate(PICTURES)}


def read_zip(files: dict[str, bytes]) -> Gathered:
    return read_images([("mine.zip", zipped(files))], 8)


def read_folder(folder: Path, files: dict[str, bytes]) -> Gathered:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return read_path(folder, 8)[1]


# Names in zips -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"./{name}",
        lambda name: f"././{name}",
        lambda name: f".\\{name}",
        lambda name: f"./pictures/./{name}",
        lambda name: f"pictures//{name}",
        lambda name: f"./{name}" if name < "08" else name,
        lambda name: f"a/b/c/d/e/f/{name}",
        lambda name: f"a\\b\\{name}",
        lambda name: name.replace(".png", ""),
        lambda name: name.replace(".png", ".PNG"),
        lambda name: name.replace(".png", ".jpg"),
        lambda name: f"Größe 猫/{name}",
        lambda name: f"v1..2/{name}",
    ],
)
def test_no_picture_is_lost_by_how_a_zip_names_it(rename: Callable[[str], str]) -> None:
    gathered = read_zip({rename(name): content for name, content in GOOD.items()})
    np.testing.assert_array_equal(gathered.array, PICTURES)
    assert (gathered.refusals, gathered.notes) == ((), ())


def test_names_with_and_without_a_dot_are_sorted_as_one() -> None:
    files = {f"./{name}" if int(name[:2]) % 2 else name: content for name, content in GOOD.items()}
    np.testing.assert_array_equal(read_zip(files).array, PICTURES)


@pytest.mark.parametrize("entry", ["./", "pictures/", "./pictures/", "pictures\\"])
def test_entries_of_folders_are_not_taken_for_files(entry: str) -> None:
    gathered = read_zip({entry: b"", **GOOD})
    assert (len(gathered.array), gathered.refusals, gathered.notes) == (16, (), ())


def test_mostly_white_bmps_are_unpacked() -> None:
    """Of scanned drawings little is left when they are zipped: a ratio that is a bomb's elsewhere."""
    drawing = np.full((1200, 1600, 3), 255, np.uint8)
    drawing[600:610] = 0
    packed = zipped({f"{index}.bmp": encoded(Image.fromarray(drawing), "BMP") for index in range(16)})
    assert len(packed) * 400 < 16 * drawing.size
    gathered = read_images([("a.zip", packed)], 8)
    assert (len(gathered.array), gathered.refusals) == (16, ())


# One rule ------------------------------------------------------------------------------------------------------

TREE = {
    **GOOD,
    "a/b/c/d/deep.png": GOOD["03.png"],
    "a/no ending": GOOD["04.png"],
    "camera.jfif": encoded(PICTURES[5], "JPEG"),
    "scan.BMP": encoded(PICTURES[6], "BMP"),
    "wrong.jpg": GOOD["07.png"],
    "notes.txt": b"text",
    "a/table.csv": b"1,2",
    "a/broken.png": GOOD["08.png"][:40],
    ".hidden.png": GOOD["09.png"],
    ".git/objects/1": b"text",
    ".git/objects/2": b"text",
    "__MACOSX/a/._b.png": b"text",
    "a/.DS_Store": b"text",
    "a/Thumbs.db": b"text",
    "Desktop.ini": b"text",
    "@eaDir/00.png/SYNOPHOTO_THUMB_M.jpg": GOOD["00.png"],
}


def test_a_folder_and_its_zip_give_the_same_and_name_all_that_is_left_out(tmp_path: Path) -> None:
    unpacked, packed = read_folder(tmp_path, TREE), read_zip(TREE)
    np.testing.assert_array_equal(unpacked.array, packed.array)
    assert len(packed.array) == 21
    assert unpacked.refusals == packed.refusals
    assert {sentence.partition(" ")[0] for sentence in packed.refusals} == {"notes.txt", "a/table.csv", "a/broken.png"}
    assert (
        unpacked.notes
        == packed.notes
        == ("Hidden files and folders are left out: .git, .hidden.png, @eaDir, Desktop.ini, __MACOSX and 2 more.",)
    )


def test_a_folder_without_pictures_is_refused_with_the_reasons_of_its_zip(tmp_path: Path) -> None:
    files = {"a.txt": b"text", ".b.png": GOOD["00.png"]}
    reasons = []
    for read in (lambda: read_folder(tmp_path, files), lambda: read_zip(files)):
        with pytest.raises(DataError) as caught:
            read()
        reasons.append(str(caught.value))
    assert reasons[0] == reasons[1]
    assert re.match(
        r"0 pictures could be read; .* a\.txt is not a .* picture\. Hidden .* left out: \.b\.png\.", reasons[0]
    )


def test_a_zip_in_a_folder_is_refused(tmp_path: Path) -> None:
    gathered = read_folder(tmp_path, {**GOOD, "more.zip": zipped(GOOD), "more": zipped(GOOD)})
    assert gathered.refusals == tuple(
        f"{name} is a zip inside a folder, which is not opened." for name in ("more", "more.zip")
    )


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs links")
def test_links_to_files_are_followed_and_those_to_folders_are_refused(tmp_path: Path) -> None:
    pictures, elsewhere = tmp_path / "pictures", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "z.png").write_bytes(GOOD["00.png"])
    read_folder(pictures, GOOD)
    (pictures / "link.png").symlink_to(elsewhere / "z.png")
    (pictures / "loop").symlink_to(pictures)
    (pictures / "missing.png").symlink_to(elsewhere / "nothing.png")
    os.mkfifo(pictures / "pipe.png")
    gathered = read_path(pictures, 8)[1]
    assert len(gathered.array) == 17
    assert gathered.refusals == (
        "loop is a link to a folder, which is not followed.",
        "missing.png is not a file that can be read.",
        "pipe.png is not a file that can be read.",
    )


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_folder(tmp_path, {**GOOD, "closed/a.png": GOOD["00.png"], "secret.png": GOOD["00.png"]})
    scandir, opened = os.scandir, Path.open

    def refuse_folder(path: str) -> object:
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    def refuse_file(path: Path, mode: str) -> object:
        if path.name == "secret.png":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode)

    monkeypatch.setattr(os, "scandir", refuse_folder)
    monkeypatch.setattr(Path, "open", refuse_file)
    assert read_path(tmp_path, 8)[1].refusals == (
        "closed cannot be listed: Permission denied.",
        "secret.png cannot be read: Permission denied.",
    )


# Limits --------------------------------------------------------------------------------------------------------


def large(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def test_a_folder_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_folder(tmp_path, GOOD)
    for index in range(10):
        large(tmp_path / f"{index}.bmp", own_archive.MAX_FILE)
    monkeypatch.setattr(Path, "open", None)
    with pytest.raises(DataError, match=r"^The folder holds more than 500 MB, which is the limit\. Make the pictures"):
        read_path(tmp_path, 8)


def test_a_file_that_is_too_large_is_refused_before_it_is_read_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_folder(tmp_path, GOOD)
    for index in range(12):
        large(tmp_path / f"film{index:02}.mp4", own_archive.MAX_FILE + 1)
    large(tmp_path / ".film.mp4", 10 * own_archive.MAX_FILE)
    opened, names = Path.open, []
    monkeypatch.setattr(Path, "open", lambda path, mode: names.append(path.name) or opened(path, mode))
    gathered = read_path(tmp_path, 8)[1]
    assert names == list(GOOD)
    np.testing.assert_array_equal(gathered.array, PICTURES)
    assert gathered.refusals[0] == "film00.mp4 is larger than 50 MB, too large for a picture."
    assert gathered.refused == 12


def test_a_folder_of_too_many_files_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_archive, "MAX_ENTRIES", 20)
    assert len(read_folder(tmp_path, {**GOOD, ".git/a": b"", ".git/b": b"", ".git/c": b"", "a/b": b""}).array) == 16
    with pytest.raises(DataError, match=r"^The folder contains more than 20 files and folders, which is the limit\.$"):
        read_folder(tmp_path, {f"more/{index}": b"" for index in range(3)})
