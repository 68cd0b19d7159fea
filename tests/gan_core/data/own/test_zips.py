"""Uploaded zips: names, damage, and bombs."""

import io
import stat
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from gan_core.data.errors import DataError
from gan_core.data.own import archive as own_archive
from gan_core.data.own.images import read_images
from gan_core.data.own.refusals import Gathered
from tests.gan_core.data.own.support import GOOD, NO_PICTURE, refusal_of
from tests.gan_core.support import encoded, noise_images, zipped


@pytest.mark.parametrize(
    "name",
    [
        "../up.png",
        "good/../../up.png",
        "/etc/up.png",
        "..\\up.png",
        "good\\..\\..\\up.png",
        "\\\\server\\up.png",
        "C:\\up.png",
        "c:up.png",
        "..",
    ],
)
def test_a_path_that_leads_out_of_the_zip_is_refused(name: str) -> None:
    assert refusal_of(name, encoded(noise_images(1)[0])) == f"{name} has a name that leads out of the zip."


def test_a_refusal_shows_a_file_name_on_one_short_line() -> None:
    message = refusal_of("a\n\x1b[31m\u202e" + "x" * 60_000, b"text")
    assert len(message) <= 80 + len(f" {NO_PICTURE}.")
    assert message.isprintable()


def directory_entry(content: bytes, name: str) -> int:
    """Return the position of an entry in the directory at a zip's end."""
    return content.rindex(name.encode()) - 46


def patched(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def refusal_in(content: bytes) -> str:
    gathered = read_images([("a.zip", content)], 8)
    (refusal,) = gathered.refusals
    assert len(gathered.array) == 16
    return refusal


def test_an_encrypted_file_is_refused() -> None:
    content = zipped({"secret.png": b"text", **GOOD})
    content = patched(content, directory_entry(content, "secret.png") + 8, b"\x01")
    assert refusal_in(content) == "secret.png is encrypted."


def test_a_symbolic_link_is_refused() -> None:
    file = io.BytesIO(zipped(GOOD))
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refusal_in(file.getvalue()) == "link.png is a link to another file."


def test_a_zip_in_a_zip_is_refused() -> None:
    inner = zipped({"more.png": bytes(1000), **GOOD})
    assert refusal_of("broken.zip", b"text") == "broken.zip is a zip inside a zip, which is not opened."
    assert refusal_of("inner.ZIP", inner) == "inner.ZIP is a zip inside a zip, which is not opened."


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(compression: int) -> None:
    """Python unpacks these without limit in one call: 40 kB could become gigabytes."""
    file = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(file, "a", compression) as archive:
        archive.writestr("one.png", bytes(1_000_000))
    assert refusal_in(file.getvalue()) == ("one.png is compressed in an unusual way; make an ordinary zip (deflate).")


BOMB = zipped({"bomb.png": bytes(60 * 2**20), **GOOD})


def peak(content: bytes) -> tuple[Gathered, int]:
    """Read a zip; return what was read and the peak of Python's memory meanwhile."""
    tracemalloc.start()
    gathered = read_images([("a.zip", content)], 8)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return gathered, most


def test_unpacking_a_zip_bomb_stops_at_the_limit() -> None:
    assert len(BOMB) < 70_000
    gathered, most = peak(BOMB)
    assert gathered.refusals == ("bomb.png unpacks to more than 24 MB, too much for a picture of its compressed size.",)
    assert len(gathered.array) == 16
    assert most < 40 * 2**20


@pytest.mark.parametrize("claimed", [0, 100, 2**32 - 2])
def test_a_zip_bomb_with_a_false_size_is_refused(claimed: int) -> None:
    at = directory_entry(BOMB, "bomb.png") + 24
    assert struct.unpack("<I", BOMB[at : at + 4]) == (60 * 2**20,)
    gathered, most = peak(patched(BOMB, at, struct.pack("<I", claimed)))
    assert gathered.refusals[0].startswith("bomb.png ")
    assert len(gathered.array) == 16
    assert most < 40 * 2**20


def test_the_limit_of_unpacked_bytes_counts_all_zips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_archive, "MAX_UNPACKED", 2**20)
    half = np.random.default_rng(1).bytes(2**19)
    read = zipped({"x": half, **GOOD}), zipped({"y": half, **GOOD})
    assert len(read_images([("a.zip", read[0])], 8).array) == 16
    with pytest.raises(DataError, match=r"^The zip unpacks to more than 1 MB, which is the limit\."):
        read_images([("a.zip", read[0]), ("b.zip", read[1])], 8)


def test_the_bytes_of_a_damaged_entry_count_towards_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_archive, "MAX_UNPACKED", 2**20)
    content = zipped({"broken.png": np.random.default_rng(1).bytes(2**20 + 2**17), **GOOD})
    content = patched(content, directory_entry(content, "broken.png") + 16, b"\xee\xee")  # the checksum
    with pytest.raises(DataError, match=r"^The zip unpacks to more than 1 MB"):
        read_images([("a.zip", content)], 8)


def test_entries_that_share_their_bytes_each_count_towards_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of names may share one file's bytes."""
    monkeypatch.setattr(own_archive, "MAX_UNPACKED", 2**20)
    content = zipped({"a.png": np.random.default_rng(1).bytes(2**16), "b.png": b""})
    start, end = content.index(own_archive.DIRECTORY_ENTRY), content.rindex(b"PK\x05\x06")
    entry = content[start : content.index(own_archive.DIRECTORY_ENTRY, start + 1)]
    record = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 17, 17, 17 * len(entry), start, 0)
    assert end > start
    # From Python 3.13 on, its zipfile itself refuses such entries.
    with pytest.raises(DataError, match=r"^The zip unpacks to more than 1 MB|a\.png is damaged inside the zip"):
        read_images([("a.zip", content[:start] + entry * 17 + record)], 8)


def test_too_many_entries_are_refused_before_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_archive, "MAX_ENTRIES", 20)
    few, many = (zipped({**GOOD, **{f"folder{index}/": b"" for index in range(count)}}) for count in (4, 5))
    assert len(read_images([("a.zip", few)], 8).array) == 16
    message = r"^The zip contains more than 20 files and folders, which is the limit\.$"
    with pytest.raises(DataError, match=message):
        read_images([("a.zip", few), ("b.zip", zipped({"one.png": b""}))], 8)
    monkeypatch.setattr("zipfile.ZipFile", None)
    with pytest.raises(DataError, match=message):
        read_images([("a.zip", many)], 8)


@pytest.mark.parametrize("part", ["header", "lengths", "name", "content", "checksum", "place"])
def test_a_damaged_entry_does_not_affect_the_others(part: str) -> None:
    content = zipped({"broken.png": encoded(noise_images(1, 30)[0]), **GOOD})
    entry = directory_entry(content, "broken.png")
    at = {"header": 0, "lengths": 26, "name": 30, "content": 45, "checksum": entry + 16, "place": entry + 42}[part]
    assert refusal_in(patched(content, at, b"\xee\xee")) == "broken.png is damaged inside the zip."
