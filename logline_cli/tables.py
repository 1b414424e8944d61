"""Small text tables."""

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Align rows under a header: numbers to the right and grouped in thousands, everything else to the left."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(header), *cells]) for column in range(len(header))]
    right = [any(isinstance(row[column], int | float) for row in rows) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [list(header), *cells]
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `2 files`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return f"{value:,}"
    return "-" if value is None else str(value)
