"""The provenance stamp inside PDF and PNG files, read back without a plotting library."""

from pathlib import Path
from struct import pack, unpack
from zlib import crc32

from lfmc.errors import LfmcError
from lfmc.seal import Broken

PNG = b"\x89PNG\r\n\x1a\n"


def read_provenance(path: str | Path) -> str:
    """The stamp of a figure, one line of JSON; empty when it carries none.

    Raises:
        LfmcError: unreadable, or neither PDF nor PNG.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise LfmcError(f"{path}: cannot be read ({error.strerror})") from None
    if data.startswith(PNG):
        return _png_text(data, b"provenance")
    if data.startswith(b"%PDF"):
        return _pdf_string(data, b"/Keywords (")
    raise LfmcError(f"{path}: neither PDF nor PNG")


def require_whole_png(path: Path) -> None:
    """Compare every chunk of a PNG with its checksum (CRC-32, as the format has it).

    Raises:
        Broken: a bit of it is not as it was written.
        OSError: it cannot be read.
    """
    data, position, last = path.read_bytes(), len(PNG), b""
    good = data.startswith(PNG)
    while good and position < len(data) and last != b"IEND":
        (length,) = unpack(">I", data[position : position + 4].rjust(4, b"\0"))
        end = position + 8 + length
        last = data[position + 4 : position + 8]
        good = data[end : end + 4] == pack(">I", crc32(data[position + 4 : end]))
        position = end + 4
    if not good or last != b"IEND" or position != len(data):
        raise Broken(f"{path}: not the picture that was written; draw the figure again")


def _png_text(data: bytes, keyword: bytes) -> str:
    """Text chunks of a PNG: length, type, keyword NUL text, checksum."""
    position = len(PNG)
    while position + 8 <= len(data):
        (length,) = unpack(">I", data[position : position + 4])
        kind = data[position + 4 : position + 8]
        body = data[position + 8 : position + 8 + length]
        if kind == b"tEXt" and body.startswith(keyword + b"\0"):
            return body[len(keyword) + 1 :].decode("latin-1")
        position += length + 12
    return ""


def _pdf_string(data: bytes, key: bytes) -> str:
    """A literal string of a PDF: (...) with backslash before parentheses and backslashes."""
    start = data.find(key)
    if start < 0:
        return ""
    text, position = bytearray(), start + len(key)
    while position < len(data) and data[position : position + 1] != b")":
        if data[position : position + 1] == b"\\":
            position += 1
        text += data[position : position + 1]
        position += 1
    return text.decode("latin-1")
