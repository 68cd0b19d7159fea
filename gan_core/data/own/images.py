"""The learner's own pictures: PNG and JPEG files, or zips of them → grey squares of one size."""

import io
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from gan_core.data.own.archive import Allowance, Entry, is_zip, zip_entries
from gan_core.data.own.bare import PNG_START, bare
from gan_core.data.own.samples import FileRejected, Gathered, Refusals, ReportFiles, check_upload

MOST_PICTURES = 20_000
MAX_PIXELS = 40_000_000  # of one picture: a good camera's
MAX_WORK = 2_000_000_000  # pixels decoded in all: under a minute, whatever they are; 20,000 pictures of 300×300
MAX_SCANS = 30  # of one JPEG, each a pass over the whole picture; a progressive one has about 10

EIGHT_BITS = [round(level / 257) for level in range(65536)]  # for each level of 16; 257 is 65535 / 255
SCAN_START = b"\xff\xda"  # of a JPEG; in its data no such pair of bytes occurs
UPRIGHT = {  # how to turn a picture of this EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _silent(done: int, total: int) -> None:
    pass


def read_pictures(files: Sequence[tuple[str, bytes]], size: int, progress: ReportFiles = _silent) -> Gathered:
    """Names and contents of uploaded files → pictures uint8 ``[n, size, size]``, sorted by name.

    A file that cannot be used is refused and the others are read; ``progress`` is called before each. DataError if
    fewer than 16 are left or if the files are larger than ``MAX_UPLOAD`` or, unpacked, than ``MAX_UNPACKED``.
    """
    check_upload(sum(len(content) for _, content in files))
    refusals, notes = Refusals(), []
    # Sorted, so that the same pictures make the same data in whatever order a browser sends or a tool packs them.
    entries = sorted(_entries(files, refusals), key=lambda entry: entry.name)
    pictures = np.empty((min(len(entries), MOST_PICTURES), size, size), np.uint8)
    count = work = 0
    for done, entry in enumerate(entries):
        progress(done, len(entries))
        try:
            content, orientation = bare(entry.read())
            image = _opened(content)
            work += image.width * image.height
            if count == MOST_PICTURES or work > MAX_WORK:
                limit = f"{MOST_PICTURES:,} pictures or {MAX_WORK // 10**6:,} million pixels"
                notes.append(f"The first {count:,} pictures in the order of their names are used: at most {limit}.")
                break
            pictures[count] = _square(image, orientation, size)
            count += 1
        except FileRejected as reason:
            refusals.add(entry.name, reason)
    refusals.check_enough(count, "pictures", MOST_PICTURES)
    return Gathered(pictures[:count], refusals.sentences(), tuple(notes))


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
            refusals.add(name, "holds no files")
        yield from entries


def _opened(content: bytes) -> Image.Image:
    """A picture of which only the header has been read. FileRejected if it is broken or too large."""
    # Not by Image.open, whose guard against large pictures warns by Python's global filters.
    decoder = PngImageFile if content.startswith(PNG_START) else JpegImageFile
    try:
        image = decoder(io.BytesIO(content))
    except Exception as error:  # Pillow raises whatever its parsing of a broken file comes upon
        raise FileRejected("is broken or cut off") from error
    if image.width * image.height > MAX_PIXELS:
        most = f"at most {MAX_PIXELS // 10**6} million are possible"
        raise FileRejected(f"has {image.width:,}×{image.height:,} pixels; {most}")
    if decoder is JpegImageFile and content.count(SCAN_START) > MAX_SCANS:
        raise FileRejected(f"has more than {MAX_SCANS} scans, which no ordinary JPEG has")
    return image


def _square(image: Image.Image, orientation: int, size: int) -> NDArray[np.uint8]:
    """The middle of a picture as grey uint8 ``[size, size]``, the right way up.

    Cut and not padded: bars at the edges would be the first thing that D knows the real ones by. What is transparent
    shows white, as on paper.
    """
    try:
        image.draft("L", (2 * size, 2 * size))  # a JPEG much larger than that is decoded at a fraction of its size
        if orientation in UPRIGHT:
            image = image.transpose(UPRIGHT[orientation])
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        middle = _plain(image.crop((left, top, left + side, top + side)))
        # In two steps from a large one: an average over whole pixels, then the finer filter. The same size stays
        # exactly as it is.
        small = middle.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
        return np.asarray(_on_paper(small) if small.mode == "RGBA" else small)
    except Exception as error:  # as above
        raise FileRejected("is broken or cut off") from error


def _plain(image: Image.Image) -> Image.Image:
    """Any of PNG's and JPEG's kinds as grey ("L") or, with transparency, as "RGBA", 8 bits each."""
    if image.mode == "I;16":
        return image.convert("I").point(EIGHT_BITS, "L")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L")


def _on_paper(image: Image.Image) -> Image.Image:
    paper = Image.new("L", image.size, 255)
    paper.paste(image.convert("L"), mask=image.getchannel("A"))
    return paper
