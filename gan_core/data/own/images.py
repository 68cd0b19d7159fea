"""The learner's own pictures: PNG and JPEG files, or zips of them → grey squares of one size.

The files are untrusted. Pillow decodes them, within limits: the bytes of the upload, the pixels of one picture and of
all, and the parts of a file that each cost a pass or may unpack to a megabyte. On the page this runs in a process that
has a limit on its memory and is killed at a deadline (``runs/jobs.py``).
"""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from gan_core.data.own.archive import Allowance, Entry, is_zip, zip_entries
from gan_core.data.own.refusals import FileRejected, Gathered, Refusals, check_upload

MOST_PICTURES = 20_000
MAX_PIXELS = 40_000_000  # of one picture: a good camera's
MAX_WORK = 2_000_000_000  # pixels decoded in all: 20,000 pictures of 300×300, in less than a minute

EIGHT_BITS = [round(level / 257) for level in range(65536)]  # of a level of 16 bits; 257 is 65535 / 255
ORIENTATION = 274  # the EXIF tag's number
UPRIGHT = {  # how to turn a picture of this EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

ReportFiles = Callable[[int, int], None]  # files read, files in total


class Format(NamedTuple):
    """A format that is read: how its files start, and how often the costly parts that contain ``marks`` may occur."""

    start: bytes
    decoder: Callable[[io.BytesIO], Image.Image]
    name: str
    parts: str
    marks: tuple[bytes, ...]
    most: int


# Pillow's decoders, and not Image.open, whose guard against large pictures depends on Python's global warning filters.
FORMATS = (
    Format(b"\x89PNG\r\n\x1a\n", PngImageFile, "PNG", "compressed texts", (b"zTXt", b"iTXt", b"iCCP"), 100),
    Format(b"\xff\xd8", JpegImageFile, "JPEG", "scans", (b"\xff\xda",), 30),  # a progressive JPEG has about 10
)


def read_images(
    files: Sequence[tuple[str, bytes]], size: int, report: ReportFiles = lambda done, total: None
) -> Gathered:
    """Read uploaded files, given as names and contents, as pictures uint8 ``[n, size, size]``, sorted by name.

    A file that cannot be used is refused and the others are read; ``report`` is called before each. DataError if
    fewer than 16 remain or if the files are larger than ``MAX_UPLOAD`` or, unpacked, than ``MAX_UNPACKED``.
    """
    check_upload(sum(len(content) for _, content in files))
    refusals, notes = Refusals(), []
    # Sorted, so that the order in which a browser sends the files or a tool packs them makes no difference.
    entries = sorted(_entries(files, refusals), key=lambda entry: entry.name)
    pictures = np.empty((min(len(entries), MOST_PICTURES), size, size), np.uint8)
    count = work = 0
    for done, entry in enumerate(entries):
        report(done, len(entries))
        try:
            image = _opened(entry.read())
            work += image.width * image.height
            if count == MOST_PICTURES or work > MAX_WORK:
                limit = f"{MOST_PICTURES:,} pictures or {MAX_WORK // 10**6:,} million pixels"
                notes.append(f"Only the first {count:,} pictures by name are used: the limit is {limit}.")
                break
            pictures[count] = _square(image, size)
            count += 1
        except FileRejected as reason:
            refusals.add(entry.name, reason)
    refusals.check_enough(count, "picture", MOST_PICTURES)
    return Gathered(pictures[:count], refusals.sentences(), tuple(notes), refusals.count)


def _entries(files: Sequence[tuple[str, bytes]], refusals: Refusals) -> Iterator[Entry]:
    allowance = Allowance()
    for name, content in files:
        if not is_zip(name, content):
            yield Entry(name, partial(bytes, content))
            continue
        try:
            entries = zip_entries(content, allowance)
        except FileRejected as reason:
            refusals.add(name, reason)
            continue
        if not entries:
            refusals.add(name, "contains no files")
        yield from entries


@contextmanager
def _decoding() -> Iterator[None]:
    """Reject the file on any exception, as Pillow raises many kinds, and ignore its warnings, which may be thousands."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Exception as error:
        raise FileRejected("is damaged or incomplete") from error


def _opened(content: bytes) -> Image.Image:
    """Return a picture of which only the header has been read. FileRejected if it is damaged or too large."""
    form = next((form for form in FORMATS if content.startswith(form.start)), None)
    if form is None:
        raise FileRejected("is not a PNG or JPEG picture")
    if sum(map(content.count, form.marks)) > form.most:
        raise FileRejected(f"has more than {form.most} {form.parts}, which no ordinary {form.name} has")
    with _decoding():
        image = form.decoder(io.BytesIO(content))
        if any(name.startswith("APP") and not data for name, data in getattr(image, "applist", ())):
            raise ValueError("a JPEG's segment of an impossible length, which Pillow skips")
    if image.width * image.height > MAX_PIXELS:
        limit = f"the limit is {MAX_PIXELS // 10**6} million"
        raise FileRejected(f"has {image.width:,}×{image.height:,} pixels; {limit}")
    return image


@_decoding()
def _square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Return the middle of a picture as grey uint8 ``[size, size]``, upright.

    Cropped and not padded: D would tell real pictures from fakes by their borders. Transparent parts become white.
    """
    image.draft("L", (2 * size, 2 * size))  # a much larger JPEG is decoded at a fraction of its size
    image.load()  # a PNG may have its EXIF behind the pixels
    orientation = _orientation(image)
    if orientation in UPRIGHT:
        image = image.transpose(UPRIGHT[orientation])
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = _plain(image.crop((left, top, left + side, top + side)))
    # A large picture is reduced in two steps, averaging over whole pixels first. One of this size stays as it is.
    small = middle.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(_on_white(small) if small.mode == "RGBA" else small)


def _orientation(image: Image.Image) -> object:
    """Return EXIF's orientation; None if there is none or the EXIF is damaged."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        return exif.get(ORIENTATION)
    except Exception:  # Pillow raises many kinds here too
        return None


def _plain(image: Image.Image) -> Image.Image:
    """Convert any mode of PNG and JPEG to grey ("L") or, with transparency, to "RGBA", 8 bits each."""
    if image.mode == "I;16":
        return image.convert("I").point(EIGHT_BITS, "L")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L")


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("L", image.size, 255)
    white.paste(image.convert("L"), mask=image.getchannel("A"))
    return white
