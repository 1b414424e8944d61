"""What every format can do, whatever its lines look like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from beam_jobs.access_log.lines import is_blank

if TYPE_CHECKING:
    from beam_jobs.access_log.compiled.template_program import Program
    from beam_jobs.access_log.rejection import Rejection
    from beam_jobs.access_log.row import Row
    from beam_jobs.access_log.scanned_block import ScannedBlock


class LogFormat(ABC):
    """A format of lines.

    Attributes:
        name: How users call it, for example `combined`; a format made from a server's format string has that string.
        comment: What a line that is no request begins with: one byte, or none. Such lines count as blank.
    """

    name: str
    comment: bytes = b""

    @abstractmethod
    def parse_line(self, line: bytes) -> Row | Rejection:
        """Reads one line, given without its terminator, that is not blank: the slow way, which defines the format.

        Any bytes give a row or a rejection; nothing is raised.
        """

    def is_blank(self, line: bytes) -> bool:
        """Whether a line, given without its terminator, is counted as blank."""
        return is_blank(line) or (self.comment != b"" and line.startswith(self.comment))

    @property
    def program(self) -> Program | None:
        """The format as the compiled scanner reads it, for formats whose fields follow each other in a fixed order."""
        return None

    def unended(self, step: int, position: int) -> Rejection:
        """What `parse_line` says of a line in which no separator ends the field that a step of the program reads.

        Args:
            step: The step.
            position: Where in the line the field begins.
        """
        raise NotImplementedError(f"the format {self.name} has no program")

    def fill(self, scanned: ScannedBlock) -> None:  # noqa: B027
        """Reads many lines of a block at once, where a format without a program has a fast way to.

        Called once per block with every line found, hashed and declined. What this accepts must be what `parse_line`
        gives; the lines that it leaves declined are passed to `parse_line` one by one.
        """
