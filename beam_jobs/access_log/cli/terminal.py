"""What a terminal can show: its width, colours, and bars of block characters."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TextIO

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_COLUMNS = " ▁▂▃▄▅▆▇█"
_PLAIN_WIDTH = 100
_LEAST_WIDTH = 60


@dataclass(frozen=True)
class Terminal:
    """How text is shown.

    Attributes:
        width: Characters of a line.
        colours: Whether it shows colours.
        blocks: Whether it shows block characters; otherwise bars are made of `#`.
    """

    width: int = _PLAIN_WIDTH
    colours: bool = False
    blocks: bool = False

    @classmethod
    def of(cls, output: TextIO) -> Terminal:
        """Tell what an output can show.

        Colours are for terminals, not with NO_COLOR (https://no-color.org), and always with FORCE_COLOR
        (https://force-color.org).
        """
        colours = output.isatty() and os.environ.get("TERM") != "dumb"
        colours = (colours or bool(os.environ.get("FORCE_COLOR"))) and not os.environ.get("NO_COLOR")
        columns = shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns
        return cls(max(columns, _LEAST_WIDTH), colours, is_utf8(output))

    def heading(self, text: str) -> str:
        """Return a heading."""
        return f"\033[1m{text}\033[0m" if self.colours else text

    def bar(self, share: float, width: int) -> str:
        """Return a bar that fills a share of the width."""
        if not self.blocks:
            return "#" * round(share * width)
        eighths = round(share * width * 8)
        return self._coloured("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip())

    def columns(self, shares: list[float], height: int, width: int) -> list[str]:
        """Return a chart of columns, line by line.

        Args:
            shares: How full each column is.
            height: The lines of the chart.
            width: The characters of each column, one of which is a gap if there are several.
        """
        filled = max(width - 1, 1)
        lines = []
        for line in reversed(range(height)):
            cells = [min(max(share * height - line, 0), 1) for share in shares]
            marks = [_COLUMNS[round(cell * 8)] if self.blocks else "#" if cell >= 0.5 else " " for cell in cells]
            lines.append(self._coloured("".join((mark * filled).ljust(width) for mark in marks).rstrip()))
        return lines

    def _coloured(self, text: str) -> str:
        return f"\033[36m{text}\033[0m" if self.colours and text else text


def is_utf8(output: TextIO) -> bool:
    """Whether an output takes all characters."""
    return (output.encoding or "").lower().replace("-", "") == "utf8"
