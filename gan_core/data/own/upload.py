"""From uploaded files to a kept file, for a process of its own. Free of PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gan_core.data.own.images import read_pictures
from gan_core.data.own.points import read_points
from gan_core.data.own.samples import Gathered, fingerprint, keep
from gan_core.data.prepared import Progress, ReportProgress

OwnKind = Literal["own_pictures", "own_points"]
UploadedFiles = Sequence[tuple[str, bytes]]  # names and contents


@dataclass(frozen=True)
class Kept:
    """What became of an upload: where its samples are kept, and what is to be said about it.

    ``own_data``: the samples' fingerprint. ``notes``: what was done with the good files. ``refusals``: a sentence for
    each file or line that was left out.
    """

    path: Path
    own_data: str
    count: int
    notes: tuple[str, ...]
    refusals: tuple[str, ...]


def gather(kind: OwnKind, files: UploadedFiles, size: int, folder: Path, tell: ReportProgress) -> Kept:
    """Read ``files`` under the limits of their kind and keep the samples in ``folder``; DataError if there are too few.

    ``size``: height and width that pictures are brought to.
    """
    found = _read(kind, files, size, tell)
    name = fingerprint(found.array)
    path = folder / f"{name}.npy"
    keep(found.array, path)
    return Kept(path, name, len(found.array), found.notes, found.refusals)


def _read(kind: OwnKind, files: UploadedFiles, size: int, tell: ReportProgress) -> Gathered:
    if kind == "own_pictures":
        return read_pictures(files, size, lambda done, total: tell(Progress("Reading", done, total, "files")))
    tell(Progress("Reading"))
    name, content = files[0]
    return read_points(name, content)
