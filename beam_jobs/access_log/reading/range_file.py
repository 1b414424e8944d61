"""An object of which ranges are read, as a file."""

from __future__ import annotations

import io

from beam_jobs.access_log.reading.line_blocks import RangeReader


class RangeFile(io.RawIOBase):
    """A file that can seek over an object that is read range by range; each read is one range.

    Args:
        read: Reads a range of the object.
        size: The bytes of the object.
    """

    def __init__(self, read: RangeReader, size: int) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can seek."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read the next bytes into a buffer, fewer only at the end."""
        data = self._read(self._position, min(self._position + len(buffer), self._size))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
