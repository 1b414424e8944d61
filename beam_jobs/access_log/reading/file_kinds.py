"""Files that are no lines of text, told by their first bytes, and what to do with each."""

from __future__ import annotations

import codecs
import re
import tarfile
from typing import NamedTuple

HEAD_BYTES = tarfile.BLOCKSIZE
"""How many bytes tell a kind."""

_LEAST_UTF16 = 8


class FileKind(NamedTuple):
    """What a file is, and what its user can do."""

    name: str
    advice: str


_UNPACK = "unpack it and pass the files in it"
_DECOMPRESS = "decompress it first"
_NO_LOG = "it holds no lines of text"
_KINDS = {
    b"PAR1": FileKind("a Parquet file", _NO_LOG),
    b"ORC": FileKind("an ORC file", _NO_LOG),
    b"Obj\x01": FileKind("an Avro file", _NO_LOG),
    b"ARROW1\0\0": FileKind("an Arrow file", _NO_LOG),
    b"SQLite format 3\0": FileKind("an SQLite database", _NO_LOG),
    b"LPKSHHRH": FileKind("a journal of systemd", "pass the output of journalctl --output cat"),
    b"ElfFile\0": FileKind("a Windows event log", _NO_LOG),
    b"\x7fELF": FileKind("a program", _NO_LOG),
    b"7z\xbc\xaf\x27\x1c": FileKind("a 7-Zip archive", _UNPACK),
    b"Rar!\x1a\x07": FileKind("a RAR archive", _UNPACK),
    b"\x04\x22\x4d\x18": FileKind("an lz4 file", _DECOMPRESS),
    b"\xff\x06\0\0sNaPpY": FileKind("a Snappy file", _DECOMPRESS),
    b"LZIP": FileKind("an lzip file", _DECOMPRESS),
    b"\x89LZO\0": FileKind("an lzop file", _DECOMPRESS),
    b"\x1f\x9d": FileKind("a file of compress(1)", _DECOMPRESS),
}
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def kind_without_lines(head: bytes) -> FileKind | None:
    """Tell what a file is that cannot be a log; None for all others.

    Args:
        head: Its first bytes, `HEAD_BYTES` of them if it has that many.
    """
    if encoding := _encoding(head):
        return FileKind(f"text in {encoding}", f"convert it to UTF-8 first: iconv -f {encoding} -t UTF-8")
    # Some of the signatures could begin a line of text.
    if not _CONTROL.search(head):
        return None
    kind = next((kind for signature, kind in _KINDS.items() if head.startswith(signature)), None)
    return kind or (FileKind("a tar archive", _UNPACK) if _is_tar(head) else None)


def _encoding(head: bytes) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    # Without a mark: every other byte of Latin text is zero.
    even, odd = head[0::2], head[1::2]
    if len(head) < _LEAST_UTF16:
        return None
    if all(even) and not any(odd):
        return "UTF-16LE"
    return "UTF-16BE" if all(odd) and not any(even) else None


def _is_tar(head: bytes) -> bool:
    """Whether the first header of a tar file, of any age, has the right checksum."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
