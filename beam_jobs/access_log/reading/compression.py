"""Compressed files as the bytes that they hold: gzip, bzip2, xz, Zstandard, and ZIP files of one file.

All of them in pieces of at most `READ_STEP` bytes, so that a file which inflates beyond measure takes no memory.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from enum import StrEnum
from typing import IO, NamedTuple, Protocol, cast

import pyarrow as pa
from isal import igzip_lib

from beam_jobs.access_log.reading.content_errors import CorruptError, TruncatedError, UnsupportedError
from beam_jobs.access_log.reading.line_blocks import READ_STEP

_MEMBER_START = 16 << 10  # bytes that a member is given first: what it leaves is copied, and there may be millions
_XZ_MEMORY = 1 << 28  # `xz -9` takes 65 MiB to decompress; a header may ask for 4 GiB
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others cannot be decompressed in pieces of a known size
_ZIP_ENCRYPTED = 1
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, RuntimeError)
_NO_LOG = re.compile(r"(.*/|__MACOSX/.*|(.*/)?\.DS_Store)", re.DOTALL)  # folders, and what macOS adds

_ISAL_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub says otherwise


class Compression(StrEnum):
    """How a file is compressed."""

    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    ZIP = "zip"


_MAGIC = {
    Compression.GZIP: re.compile(rb"\x1f\x8b"),  # RFC 1952
    Compression.BZIP2: re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    Compression.XZ: re.compile(rb"\xfd7zXZ\0"),
    Compression.ZSTD: re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # RFC 8878, skippable frames too
    Compression.ZIP: re.compile(rb"PK(\x03\x04|\x05\x06)"),
}


def compression_of(head: bytes) -> Compression | None:
    """Tell from its first bytes how a file is compressed; None if it is not."""
    return next((compression for compression, magic in _MAGIC.items() if magic.match(head)), None)


class _Decompressor(Protocol):
    """What the decompressors of isal, bz2 and lzma have in common; each reads one member."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes: ...


class _MemberFormat(NamedTuple):
    """How members begin, and what decompresses one."""

    start: bytes
    decompressor: Callable[[], _Decompressor]


_MEMBER_FORMATS = {
    Compression.GZIP: _MemberFormat(
        b"\x1f\x8b", lambda: cast(_Decompressor, igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP))
    ),
    Compression.BZIP2: _MemberFormat(b"BZh", bz2.BZ2Decompressor),
    Compression.XZ: _MemberFormat(b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)),
}


class Members:
    """The bytes of a gzip, bzip2 or xz stream of one or more members.

    Zero bytes behind a member are padding. Whatever else follows the last one is left out, as gzip(1) leaves
    it out, and counted.

    Args:
        compression: One of these three.
        chunks: The compressed bytes.

    Attributes:
        left_out: How many bytes behind the last member are none; known when all is read.

    Raises:
        TruncatedError: While it is iterated, if the stream ends within a member.
        CorruptError: While it is iterated, if a member is damaged.
    """

    def __init__(self, compression: Compression, chunks: Iterable[bytes]) -> None:
        self._compression = compression
        self._chunks = iter(chunks)
        self.left_out = 0

    def __iter__(self) -> Iterator[bytes]:
        start, decompressor = _MEMBER_FORMATS[self._compression]
        member: _Decompressor | None = None
        is_first, rest = True, b""
        for chunk in self._chunks:
            data, rest, position = memoryview(rest + chunk if rest else chunk), b"", 0
            while position < len(data):
                part = data[position:]
                if member is None:
                    part = part[:_MEMBER_START]
                    padding = 0 if is_first else len(part) - len(bytes(part).lstrip(b"\0"))
                    if padding:
                        position += padding
                        continue
                    if len(part) < len(start) and start.startswith(part):
                        rest = bytes(part)
                        break
                    if not is_first and part[: len(start)] != start:
                        self.left_out = len(data) - position + sum(map(len, self._chunks))
                        return
                    member, is_first = decompressor(), False
                yield from self._decompressed(member, part)
                position += len(part)
                if member.eof:
                    position -= len(member.unused_data)
                    member = None
        if member is not None or rest:
            raise TruncatedError(self._compression)

    def _decompressed(self, member: _Decompressor, data: memoryview) -> Iterator[bytes]:
        try:
            piece = member.decompress(data, READ_STEP)
            while piece:
                yield piece
                piece = b"" if member.eof or member.needs_input else member.decompress(b"", READ_STEP)
        except (_ISAL_ERROR, lzma.LZMAError, OSError) as error:
            raise CorruptError(self._compression, str(error)) from error


def read_zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress a Zstandard stream of one or more frames.

    Raises:
        TruncatedError: It ends within a frame.
        CorruptError: It is damaged, or something else follows it.
        UnsupportedError: It takes more than 128 MiB of memory.
    """
    compressed = pa.PythonFile(_ChunkFile(chunks), "r")
    stream = pa.CompressedInputStream(compressed, "zstd")
    while True:
        try:
            piece = stream.read(READ_STEP)
        except OSError as error:
            if error.errno is not None:
                raise  # of the file itself
            message = str(error)
            if "Truncated" in message:
                raise TruncatedError(Compression.ZSTD) from error
            if "too much memory" in message:
                raise UnsupportedError(
                    "the zstd stream was written with a window of more than 128 MiB; compress it without --long"
                ) from error
            raise CorruptError(Compression.ZSTD, message.partition(": ")[2] or message) from error
        if not piece:
            return
        yield piece


class _ChunkFile(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def read_zip(file: IO[bytes], chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress the only file in a ZIP file, which is read from its end.

    Args:
        file: The ZIP file.
        chunks: All of its bytes, which are copied to a temporary file if it cannot seek.

    Raises:
        TruncatedError: The directory at its end is missing.
        CorruptError: It is damaged.
        UnsupportedError: It holds no file or several, is encrypted, or compressed in an unusual way.
    """
    try:
        with ExitStack() as stack:
            if not file.seekable():
                file = stack.enter_context(tempfile.TemporaryFile())
                file.writelines(chunks)
            archive = stack.enter_context(zipfile.ZipFile(file))
            member = stack.enter_context(archive.open(_only_member(archive)))
            while piece := member.read(READ_STEP):
                yield piece
    except _ZIP_ERRORS as error:
        if "not a zip file" in str(error):
            raise TruncatedError(Compression.ZIP) from error
        raise CorruptError(Compression.ZIP, str(error)) from error
    except ValueError as error:
        # zipfile lets these come up from fields that make no sense; a subclass is not its own.
        if type(error) not in (ValueError, UnicodeDecodeError):
            raise
        raise CorruptError(Compression.ZIP, str(error)) from error


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not _NO_LOG.fullmatch(member.filename)]
    if len(members) != 1:
        if not members:
            raise UnsupportedError("is a zip file without a file in it")
        raise UnsupportedError(f"is a zip file of {len(members)} files; unpack it and pass the files in it")
    (member,) = members
    if member.flag_bits & _ZIP_ENCRYPTED:
        raise UnsupportedError("is an encrypted zip file; unpack it first")
    if member.compress_type not in _ZIP_METHODS:
        raise UnsupportedError(f"is a zip file with compression method {member.compress_type}; unpack it first")
    return member
