"""Bytes of a file → text, in the encodings in which people's programs save it."""

import codecs

MARKS = (  # byte order marks, the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
LOOKED_AT = 1000  # bytes, to tell UTF-16 without a mark


def decode_text(content: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark; UnicodeDecodeError else."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content.decode(encoding).lstrip("\ufeff")  # converters add a mark to a text that has one
    start = content[:LOOKED_AT]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(zeros) > 1 and zeros.count(0) > 0.8 * len(zeros):  # Latin letters and digits have an empty byte each
            return content.decode(encoding)
    return content.decode("utf-8")
