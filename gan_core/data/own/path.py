"""The learner's own data on this machine's disk, for the command line; the limits are those of an upload."""

from pathlib import Path

from gan_core.data.errors import DataError
from gan_core.data.own.archive import STARTS, is_zip
from gan_core.data.own.images import read_folder, read_images
from gan_core.data.own.points import EXTENSIONS, ChosenColumns, check_table, read_points
from gan_core.data.own.refusals import Gathered, check_upload

WORKBOOKS = (".xlsx", ".xlsm", ".ods", ".numbers")  # are zips, but those who bring them mean tables


def read_path(path: Path, size: int, columns: ChosenColumns | None = None) -> tuple[str, Gathered]:
    """Read a folder of pictures, a zip of them or a table; return the dataset's name and what was read.

    A zip is recognised by its content, as mail programs rename it; a table by its name. ``columns``: of a table, as
    ``read_points`` takes them. Raises DataError, or OSError if the path cannot be read.
    """
    zipped = is_zip(path.name, _start(path)) and path.suffix.lower() not in WORKBOOKS
    is_table = not zipped and not path.is_dir() and path.suffix.lower().lstrip(".") in EXTENSIONS
    if columns and not is_table:
        raise DataError(f"--columns needs a table of points, and {str(path)!r} is none.")
    if path.is_dir():
        return "own_pictures", read_folder(path, size)
    size_on_disk = path.stat().st_size  # before reading it into memory
    if zipped:
        check_upload(size_on_disk)
        return "own_pictures", read_images([(path.name, path.read_bytes())], size)
    if is_table:
        check_table(path.name, size_on_disk)
        return "own_points", read_points(path.name, path.read_bytes(), columns)
    raise DataError(
        f"--data = {str(path)!r} is not possible; it should be a folder or a zip of pictures, or a table of points"
        f" ({', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]})."
    )


def _start(path: Path) -> bytes:
    """Return a file's first bytes; none of a pipe, which can be read only once."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(len(STARTS[0]))
