"""The learner's own pictures: files that Pillow reads, or zips or a folder of them → grey squares of one size.

The files are untrusted. Pillow decodes them, within limits: the bytes of the upload, the pixels of one picture and of
all, and the parts of a file that each cost a pass or may unpack to a megabyte. On the page this runs in a process that
has a limit on its memory and is killed at a deadline (``runs/jobs.py``).
"""

import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile, DibImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gan_core.data.own.archive import Allowance, Entry, folder_entries, hidden_part, is_zip, zip_entries
from gan_core.data.own.degenerate import PictureFile, describe_pictures
from gan_core.data.own.refusals import FileRejected, Gathered, Refusals, check_upload, first_names
from gan_core.images import SOFTWARE

MOST_PICTURES = 20_000
MAX_PIXELS = 40_000_000  # of one picture: a good camera's
MAX_WORK = 2_000_000_000  # pixels decoded in all: 20,000 pictures of 300×300, in less than a minute

# Any but RST0 to RST7, which are within a scan, and TEM, which like them has no length.
JPEG_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA

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


def _texts(png: bytes) -> int:
    return sum(map(png.count, (b"zTXt", b"iTXt", b"iCCP")))


def _scans(jpeg: bytes) -> int:
    """Return the number of scans before a JPEG's end. A film or further pictures may follow, which are not decoded."""
    scans, at = 0, 2
    while found := JPEG_MARKER.search(jpeg, at):
        at = found.end()
        if (marker := found[0][-1]) == END_OF_IMAGE:
            break
        scans += marker == START_OF_SCAN
        at += int.from_bytes(jpeg[at : at + 2])  # the segment's length
    return scans


class Format(NamedTuple):
    """A format that is read: how its files start, and how many of its costly ``parts``, which ``count`` counts, it may have.

    ``start`` is a regular expression.
    """

    start: bytes
    decoder: Callable[[io.BytesIO], Image.Image]
    name: str
    parts: str = ""
    count: Callable[[bytes], int] = lambda content: 0
    most: int = 0


# Pillow's decoders, and not Image.open, whose guard against large pictures depends on Python's global warning filters.
FORMATS = (
    Format(rb"\x89PNG\r\n\x1a\n", PngImageFile, "PNG", "compressed texts", _texts, 100),
    Format(rb"\xff\xd8", JpegImageFile, "JPEG", "scans", _scans, 30),  # a progressive JPEG has about 10
    Format(rb"BM", BmpImageFile, "BMP"),
    Format(rb"[\x28\x6c\x7c]\0\0\0", DibImageFile, "BMP"),  # a BMP without its first header, .dib
    Format(rb"RIFF....WEBP", WebPImageFile, "WebP"),
    Format(rb"GIF8[79]a", GifImageFile, "GIF"),
    Format(rb"II[*+]\0|MM\0[*+]", TiffImageFile, "TIFF"),
    Format(rb"P[1-6]\s", PpmImageFile, "PPM"),
    Format(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", Jpeg2KImageFile, "JPEG 2000"),
    Format(rb"....ftypavi[fs]", AvifImageFile, "AVIF"),
)
NAMES = list(dict.fromkeys(form.name for form in FORMATS))
READABLE = f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"
EXTENSIONS = (
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "webp", "gif", "tif", "tiff", "ppm", "pgm", "pbm", "pnm", "jp2",
    "j2k", "jpx", "avif",
)  # fmt: skip


def read_images(
    files: Sequence[tuple[str, bytes]], size: int, report: ReportFiles = lambda done, total: None
) -> Gathered:
    """Read uploaded files, given as names and contents, as pictures uint8 ``[n, size, size]``, sorted by name.

    A file that cannot be used is refused and the others are read; ``report`` is called before each. DataError if
    fewer than 16 remain or if the files are larger than ``MAX_UPLOAD`` or, unpacked, than ``MAX_UNPACKED``.
    """
    check_upload(sum(len(content) for _, content in files))
    refusals = Refusals()
    return _read(_entries(files, refusals), size, refusals, report)


def read_folder(folder: Path, size: int) -> Gathered:
    """Read a folder's files as ``read_images`` reads those of a zip of it. DataError too, or OSError if it is not there."""
    return _read(folder_entries(folder, Allowance("folder", "holds")), size, Refusals())


def _read(
    found: Iterable[Entry], size: int, refusals: Refusals, report: ReportFiles = lambda done, total: None
) -> Gathered:
    # Sorted, so that the order in which a browser sends the files or a tool packs them makes no difference.
    entries = sorted(found, key=lambda entry: entry.name)
    concealed = {part for entry in entries if (part := hidden_part(entry.name))}
    entries = [entry for entry in entries if not hidden_part(entry.name)]
    notes = [f"Hidden files and folders are left out: {first_names(sorted(concealed))}."] if concealed else []
    pictures = np.empty((min(len(entries), MOST_PICTURES), size, size), np.uint8)
    used: list[PictureFile] = []
    work = 0
    for done, entry in enumerate(entries):
        report(done, len(entries))
        try:
            image = _opened(entry.read())
            file = PictureFile(entry.name, *image.size)
            work += file.width * file.height
            if len(used) == MOST_PICTURES or work > MAX_WORK:
                limit = f"{MOST_PICTURES:,} pictures or {MAX_WORK // 10**6:,} million pixels"
                notes.append(f"Only the first {len(used):,} pictures by name are used: the limit is {limit}.")
                break
            pictures[len(used)] = _square(image, size)
            used.append(file)
        except FileRejected as reason:
            refusals.add(entry.name, reason)
    refusals.check_enough(len(used), "picture", MOST_PICTURES, notes)
    pictures = pictures[: len(used)]
    return Gathered(pictures, refusals.sentences(), tuple(notes), refusals.count, describe_pictures(pictures, used))


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
    form = next((form for form in FORMATS if re.match(form.start, content, re.DOTALL)), None)
    if form is None:
        raise FileRejected(f"is not a {READABLE} picture")
    if form.count(content) > form.most:
        raise FileRejected(f"has more than {form.most} {form.parts}, which no ordinary {form.name} has")
    with _decoding():
        image = form.decoder(io.BytesIO(content))
    if image.info.get("Software") == SOFTWARE:
        raise FileRejected("was made by this program: a GAN should not learn from its own samples")
    if image.mode == "F" or (image.mode == "I" and form.name != "PPM"):  # a PPM's are of 16 bits
        raise FileRejected("has more than 16 bits a pixel: save it with 8 or 16")
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
    """Convert any mode to grey ("L") or, with transparency, to "RGBA", 8 bits each."""
    if image.mode.startswith("I"):
        return image.convert("I").point(EIGHT_BITS, "L")
    if image.mode == "LAB":  # which has the lightness, and Pillow converts to nothing
        return image.getchannel("L")
    if image.has_transparency_data:
        return image.convert("LA" if image.mode == "La" else image.mode).convert("RGBA")
    return image.convert("L")


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("L", image.size, 255)
    white.paste(image.convert("L"), mask=image.getchannel("A"))
    return white
