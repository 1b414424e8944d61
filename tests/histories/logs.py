"""Log objects of a history, and the oracle: what their bytes mean, read by plain Python.

Nothing here uses the product's code. A line is good if it is one of a single form, blank, or else rejected.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
_GOOD = re.compile(
    r'198\.51\.100\.7 - - \[0([123])/Nov/2026:10:00:00 \+0000\] "GET (\S+) HTTP/1\.1" 200 7 "-" "curl/8\.5"'
)
_BINARY = b"\x7fELF\x02\x01\x01" + bytes(57)


@dataclass(frozen=True)
class Content:
    """What is uploaded.

    Attributes:
        lines: a mark for each: `1`, `2` or `3` for one of that day, `x` for one to be rejected, `_` for a blank one.
        form: `plain`, `gzip`, `cut` (gzip whose end is missing) or `binary`.
    """

    lines: str
    form: str = "plain"

    def bytes_of(self, version: int) -> bytes:
        """Return the bytes; every line that is not blank names the version."""
        if self.form == "binary":
            return _BINARY
        text = "".join(f"{line_of(mark, f'/v{version}/{number}')}\n" for number, mark in enumerate(self.lines)).encode()
        if self.form == "plain":
            return text
        packer = zlib.compressobj(wbits=31)
        packed = packer.compress(text) + packer.flush()
        return packed[:-9] if self.form == "cut" else packed


@dataclass(frozen=True)
class Reading:
    """What an object's bytes mean.

    Attributes:
        rows: offset, day and path of each good line.
        rejected: offset and text of each rejected line.
        blank: how many lines are blank.
    """

    rows: tuple[tuple[int, str, str], ...] = ()
    rejected: tuple[tuple[int, str], ...] = ()
    blank: int = 0

    @property
    def lines(self) -> int:
        """Return how many lines there are."""
        return len(self.rows) + len(self.rejected) + self.blank

    @property
    def by_day(self) -> Counter[str]:
        """Return how many good lines are of each day."""
        return Counter(day for _, day, _ in self.rows)


def read(stored: bytes) -> Reading | None:
    """Return what the bytes of an object mean; None for those that nobody can read."""
    if stored.startswith(b"\x1f\x8b"):
        unpacker = zlib.decompressobj(wbits=31)
        stored = unpacker.decompress(stored)
        if not unpacker.eof:
            return None
    if b"\0" in stored:
        return None
    rows, rejected, blank, offset = [], [], 0, 0
    for line in stored.decode().splitlines(keepends=True):
        if good := _GOOD.fullmatch(line.rstrip("\n")):
            rows.append((offset, DAYS[int(good[1]) - 1], good[2]))
        elif line.strip():
            rejected.append((offset, line.rstrip("\n")))
        else:
            blank += 1
        offset += len(line.encode())
    if rejected and not rows:
        return None  # no line tells the format
    return Reading(tuple(rows), tuple(rejected), blank)


def line_of(mark: str, path: str) -> str:
    """Return the line of a mark."""
    if mark == "_":
        return ""
    if mark == "x":
        return f"no log line {path}"
    return f'198.51.100.7 - - [0{mark}/Nov/2026:10:00:00 +0000] "GET {path} HTTP/1.1" 200 7 "-" "curl/8.5"'
