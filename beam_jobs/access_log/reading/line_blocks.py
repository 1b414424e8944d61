"""Cut objects into blocks of whole lines, holding at most one block and one overlong line in memory.

A block of a plain object owns the lines whose first byte lies in [start, end), so that any division of an object
gives the same lines at the same offsets. A compressed one is cut as it is decompressed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

READ_STEP = 1 << 20  # bytes asked for at a time where the end of a line or of a compressed stream is looked for
_LINE_TAIL = 64 << 10  # bytes read beyond a block's end at once: nearly every last line ends within
_TERMINATOR_BYTES = 2  # \r\n

RangeReader = Callable[[int, int], bytes]
"""Reads the bytes [start, end) of one object."""


class LineBlock(NamedTuple):
    """Whole lines that follow each other in their object.

    Attributes:
        offset: byte offset of the first line (in the decompressed stream of a compressed object).
        data: the lines with their terminators. Only the last may lack its own: where the object ends, or where it was
            cut for being longer than any line may be (then `max_line_bytes` and a few bytes of it are kept).
    """

    offset: int
    data: bytes | memoryview


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
