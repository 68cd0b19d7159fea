"""A stranger's PNG or JPEG without all that is not the picture.

Texts, profiles, thumbnails and later pictures of an animation go: packed a thousandfold they would cost minutes, and
each broken entry among them a line in the server's log. Of EXIF the way up is read here, which is bounded.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from gan_core.data.own.samples import FileRejected

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"
PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
SCAN = 0xDA  # the marker of a JPEG's first data
EXIF = 0xE1
LEFT_OUT = (*range(0xE1, 0xEE), 0xEF, 0xFE)  # notes of programs; 0xE0 and 0xEE say how colours are meant
ORIENTATION = 274  # the tag's number in EXIF
SHORT = 3  # the type of its value


class Bare(NamedTuple):
    """The picture's own bytes, and how it lies: EXIF's orientation, 1 for upright."""

    content: bytes
    orientation: int


def bare(content: bytes) -> Bare:
    """The file of a PNG or a JPEG without what is beside the picture; FileRejected if it is neither or broken."""
    if content.startswith(PNG_START):
        chunks = list(_chunks(content))
        exif = next((chunk[8:] for kind, chunk in chunks if kind == b"eXIf"), b"")
        kept = b"".join(chunk for kind, chunk in chunks if kind in PNG_CHUNKS)
        return Bare(PNG_START + kept, _orientation(exif))
    if content.startswith(JPEG_START):
        segments = list(_segments(content))
        exif = next((segment[10:] for kind, segment in segments if kind == EXIF and segment[4:8] == b"Exif"), b"")
        kept = b"".join(segment for kind, segment in segments if kind not in LEFT_OUT)
        return Bare(JPEG_START + kept, _orientation(exif))
    raise FileRejected("is no PNG or JPEG picture")


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """A PNG's chunks: kind, and the whole chunk."""
    at = len(PNG_START)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, content[at : at + 12 + length]
        at += 12 + length


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """A JPEG's segments: marker, and the whole segment; the last one is all from its first data on."""
    at = len(JPEG_START)
    while at + 4 <= len(content):
        start, marker, length = struct.unpack_from(">BBH", content, at)
        if start != 0xFF:  # the decoder would look on for a segment inside what is skipped here
            break
        if marker == SCAN:
            yield marker, content[at:]
            return
        if marker == 0xFF:  # a byte that only fills
            at += 1
            continue
        yield marker, content[at : at + 2 + length]
        at += 2 + length
    raise FileRejected("is broken or cut off")


def _orientation(exif: bytes) -> int:
    """The tag's value in the first of EXIF's directories; 1 if it is not there or the directory is broken."""
    order = "<" if exif.startswith(b"II") else ">"
    try:
        (first,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, first)
        for place in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
            if (tag, kind) == (ORIENTATION, SHORT):
                return int(value)
    except struct.error:  # cut off
        pass
    return 1
