"""A file as the bytes of its lines: whatever it is compressed with, and refused where it is not text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from beam_jobs.access_log.reading.compression import (
    Compression,
    Members,
    compression_of,
    read_zip,
    read_zstd,
)
from beam_jobs.access_log.reading.content_errors import UnsupportedError
from beam_jobs.access_log.reading.file_kinds import HEAD_BYTES, kind_without_lines
from beam_jobs.access_log.reading.line_blocks import READ_STEP


class Content:
    """The bytes that a file holds, decompressed, in pieces of about `READ_STEP` bytes at most; to be read once.

    Args:
        file: At its beginning, without a buffer of its own; one that can seek if ZIP files are not to be copied.
        step: How many bytes of the file are read at a time.

    Attributes:
        compression: How it is compressed, told by its first bytes; None if it is not.

    Raises:
        ContentError: While it is iterated, if the file is damaged or no text.
    """

    def __init__(self, file: IO[bytes], step: int = READ_STEP) -> None:
        self._file = file
        self._step = step
        head = b""
        while len(head) < HEAD_BYTES and (chunk := file.read(step)):
            head += chunk
        self._head = head
        self._members: Members | None = None
        self.compression = compression_of(head)

    @property
    def warning(self) -> str | None:
        """One line on bytes that were left out, once all is read."""
        if self._members is None or not self._members.left_out:
            return None
        left_out, name = self._members.left_out, self.compression
        return f"{left_out:,} bytes behind the {name} stream are left out: they are not {name}"

    def __iter__(self) -> Iterator[bytes]:
        pieces = self._decompressed()
        head = b""
        while len(head) < HEAD_BYTES and (piece := next(pieces, b"")):
            head += piece
        self._refuse_no_text(head)
        if head:
            yield head
        yield from pieces

    def _chunks(self) -> Iterator[bytes]:
        yield self._head
        while chunk := self._file.read(self._step):
            yield chunk

    def _decompressed(self) -> Iterator[bytes]:
        match self.compression:
            case None:
                return self._chunks()
            case Compression.ZSTD:
                return read_zstd(self._chunks())
            case Compression.ZIP:
                return read_zip(self._file, self._chunks())
            case _:
                self._members = Members(self.compression, self._chunks())
                return iter(self._members)

    def _refuse_no_text(self, head: bytes) -> None:
        inner = compression_of(head) if self.compression else None
        if inner:
            raise UnsupportedError(f"is compressed twice, {inner} in {self.compression}; decompress it once")
        kind = kind_without_lines(head)
        if kind:
            outer = f" in {self.compression}" if self.compression else ""
            raise UnsupportedError(f"is {kind.name}{outer}; {kind.advice}")
