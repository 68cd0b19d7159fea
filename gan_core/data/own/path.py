"""The learner's own data on this machine's disk, for the command line; the limits are those of an upload."""

from pathlib import Path

from gan_core.data.errors import DataError
from gan_core.data.own.images import read_folder, read_images
from gan_core.data.own.points import check_table, read_points
from gan_core.data.own.refusals import Gathered, check_upload

TABLES = (".csv", ".tsv", ".txt")


def read_path(path: Path, size: int) -> tuple[str, Gathered]:
    """Read a folder of pictures, a zip of them or a CSV; return the dataset's name and what was read.

    Raises DataError, or OSError if the path cannot be read.
    """
    if path.is_dir():
        return "own_pictures", read_folder(path, size)
    size_on_disk = path.stat().st_size  # before reading it into memory
    if path.suffix.lower() in TABLES:
        check_table(path.name, size_on_disk)
        return "own_points", read_points(path.name, path.read_bytes())
    if path.suffix.lower() == ".zip":
        check_upload(size_on_disk)
        return "own_pictures", read_images([(path.name, path.read_bytes())], size)
    raise DataError(
        f"--data = {str(path)!r} is not possible; it should be a folder or a zip of pictures, or a CSV of points."
    )
