"""Cut objects into blocks of whole lines, holding at most one block and one overlong line in memory.

A block of a plain object owns the lines whose first byte lies in [start, end), so that any division of an object
gives the same lines at the same offsets. A gzip stream is cut as it is decompressed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from isal import igzip_lib

GZIP_MAGIC = b"\x1f\x8b"
READ_STEP = 1 << 20  # bytes asked for at a time where the end of a line or of a gzip stream is looked for
_LINE_TAIL = 64 << 10  # bytes read beyond a block's end at once: nearly every last line ends within
_TERMINATOR_BYTES = 2  # \r\n

_GZIP_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub says otherwise

RangeReader = Callable[[int, int], bytes]
"""Reads the bytes [start, end) of one object."""


class LineBlock(NamedTuple):
    """Whole lines that follow each other in their object.

    Attributes:
        offset: byte offset of the first line (in the decompressed stream of a gzip object).
        data: the lines with their terminators. Only the last may lack its own: where the object ends, or where it was
            cut for being longer than any line may be (then `max_line_bytes` and a few bytes of it are kept).
    """

    offset: int
    data: bytes | memoryview


class TruncatedGzipError(ValueError):
    """The compressed stream ends before its last member does."""


class CorruptGzipError(ValueError):
    """The compressed stream does not follow RFC 1952 or its checksum is wrong."""


def read_block(read: RangeReader, size: int, start: int, end: int, max_line_bytes: int) -> LineBlock:
    """Return the lines of a plain object of `size` bytes whose first byte lies in [start, end).

    Returns:
        The block's lines; no bytes where no line begins in the block.
    """
    base = max(start - 1, 0)  # the byte before tells whether a line begins at start
    data = read(base, min(end + _LINE_TAIL, size))
    last = end - base - 1
    begin = 0 if start == 0 else data.find(b"\n", 0, last) + 1
    if start > 0 and begin == 0:
        return LineBlock(end, b"")
    stop = data.find(b"\n", last)
    if stop >= 0:
        return LineBlock(base + begin, memoryview(data)[begin : stop + 1])
    line = max(data.rfind(b"\n", begin, last) + 1, begin)
    longest = max_line_bytes + _TERMINATOR_BYTES
    pieces = [data]
    held, position = len(data) - line, base + len(data)
    while position < size and held <= longest:
        step = read(position, min(position + READ_STEP, size))
        stop = step.find(b"\n")
        if stop >= 0:
            step = step[: stop + 1]
        pieces.append(step)
        held += len(step)
        position += len(step)
        if stop >= 0:
            break
    whole = b"".join(pieces)
    return LineBlock(base + begin, whole[begin : line + longest] if held > longest else whole[begin:])


def split_stream(chunks: Iterable[bytes], block_bytes: int, max_line_bytes: int) -> Iterator[LineBlock]:
    """Cut a stream of bytes into blocks of whole lines of at least `block_bytes` (the last one may be smaller)."""
    longest = max_line_bytes + _TERMINATOR_BYTES
    held: list[bytes] = []
    size = offset = 0
    in_cut_line = False
    for chunk in chunks:
        if in_cut_line:
            stop = chunk.find(b"\n") + 1
            offset += stop or len(chunk)
            if not stop:
                continue
            in_cut_line = False
            chunk = chunk[stop:]
        held.append(chunk)
        size += len(chunk)
        if size < block_bytes:
            continue
        for number in reversed(range(len(held))):
            cut = held[number].rfind(b"\n") + 1
            if cut:
                data = b"".join((*held[:number], memoryview(held[number])[:cut]))
                held = [held[number][cut:], *held[number + 1 :]]
                size -= len(data)
                offset += len(data)
                yield LineBlock(offset - len(data), data)
                data = b""  # not held any longer than whoever took it does
                break
        if size > longest:
            yield LineBlock(offset, b"".join(held)[:longest])
            offset += size
            held, size, in_cut_line = [], 0, True
    if size:
        yield LineBlock(offset, b"".join(held))


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress a gzip stream of one or more members, in pieces of at most `READ_STEP` bytes.

    Zero bytes behind the last member are padding, as gzip(1) and Python's gzip module take them.

    Raises:
        TruncatedGzipError: the stream ends within a member.
        CorruptGzipError: it is damaged, or something else follows the last member.
    """
    member: igzip_lib.IgzipDecompressor | None = None
    first = True
    for chunk in chunks:
        data = chunk
        while data:
            if member is None:
                data = data if first else data.lstrip(b"\0")
                if not data:
                    break
                member, first = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), False
            try:
                piece = member.decompress(data, READ_STEP)
                while piece:
                    yield piece
                    piece = b"" if member.eof or member.needs_input else member.decompress(b"", READ_STEP)
            except _GZIP_ERROR as error:
                raise CorruptGzipError(f"the gzip stream is damaged ({error}); upload it again") from error
            data = b""
            if member.eof:
                data, member = member.unused_data, None
    if member is not None:
        raise TruncatedGzipError("the gzip stream ends too early; upload it again")


def read_steps(read: RangeReader, size: int, step: int = READ_STEP) -> Iterator[bytes]:
    """Yield all bytes of an object, `step` at a time."""
    for start in range(0, size, step):
        yield read(start, min(start + step, size))
