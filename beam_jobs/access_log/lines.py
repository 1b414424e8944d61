r"""What a line is: `\n` ends it and one `\r` at its end belongs to the terminator; the last line may lack `\n`."""

from collections.abc import Iterator


def split_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line's offset and its bytes without the terminator."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        if end < 0:
            end = len(data)
        yield start, data[start:end].removesuffix(b"\r")
        start = end + 1


def counted(number: int, noun: str) -> str:
    """Write a number of things: `1 line`, `1,000 lines`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def is_blank(line: bytes, comment: bytes = b"") -> bool:
    """Whether a line, without its terminator, is empty, only spaces and tabs, or begins with the comment's byte."""
    return not line.strip(b" \t") or (comment != b"" and line.startswith(comment))
