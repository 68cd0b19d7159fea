"""Uploaded files → a file that keeps their samples. This runs in a process of its own and loads no PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gan_core.data.own.images import read_images
from gan_core.data.own.points import ChosenColumns, read_points
from gan_core.data.own.samples import fingerprint, keep
from gan_core.data.own.table import Column
from gan_core.data.progress import Progress, ReportProgress

OwnKind = Literal["own_pictures", "own_points"]
UploadedFiles = Sequence[tuple[str, bytes]]  # names and contents


@dataclass(frozen=True)
class Kept:
    """Where the samples of an upload are kept, and what the page says about it.

    ``own_data``: the samples' fingerprint. The others are those of ``Gathered``.
    """

    path: Path
    own_data: str
    count: int
    refusals: tuple[str, ...]
    notes: tuple[str, ...]
    refused: int
    warnings: tuple[str, ...]
    columns: tuple[Column, ...]
    chosen: tuple[int, int]


def gather(
    kind: OwnKind,
    files: UploadedFiles,
    size: int,
    columns: ChosenColumns | None,
    folder: Path,
    report: ReportProgress,
) -> Kept:
    """Read ``files`` within the limits of their kind and keep the samples in ``folder``; DataError if they are too few.

    ``size``: height and width to which pictures are scaled. ``columns``: of a table, as ``read_points`` takes them.
    """
    if kind == "own_pictures":
        found = read_images(files, size, lambda done, total: report(Progress("Reading", done, total, "files")))
    else:
        report(Progress("Reading"))
        found = read_points(*files[0], columns)
    name = fingerprint(found.array)
    path = folder / f"{name}.npy"
    keep(found.array, path)
    return Kept(
        path, name, len(found.array),
        found.refusals, found.notes, found.refused, found.warnings, found.columns, found.chosen,
    )  # fmt: skip
