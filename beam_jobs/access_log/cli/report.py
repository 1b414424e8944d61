"""What was seen in logs, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from beam_jobs.access_log.cli.summary import Look
from beam_jobs.access_log.rejection import RejectReason

_SHOWN_CHARACTERS = 100
_COUNTS = ("lines", "rows", "rejected", "blank")
_NOT_SHOWN = frozenset(("log_date", "raw_line_hash", "source_offset"))


def report_lines(look: Look, examples: int) -> Iterator[str]:
    """One log.

    Args:
        look: What was seen in it.
        examples: So many rejected lines are shown for each reason.
    """
    yield f"{look.name}: {_format(look)}"
    width = max(len(f"{look.lines:,}"), 8)
    for name in _COUNTS:
        yield f"  {name:10}{getattr(look, name):>{width},}"
    if look.first is not None and look.last is not None:
        yield f"  {'from':10}{_shown(look.first)}"
        yield f"  {'to':10}{_shown(look.last)}"
    yield f"  {'read':10}{look.bytes / 1e6:,.1f} MB{' (gzip)' if look.is_gzip else ''} in {look.seconds:.2f} s"
    if look.row is not None:
        yield "  the first row"
        for name, value in look.row.items():
            if value is not None and name not in _NOT_SHOWN:
                yield f"    {name:20}{_cut(_shown(value))}"
    for reason in RejectReason:
        if look.reasons[reason]:
            yield f"  rejected as {reason}: {look.reasons[reason]:,}"
            for line in look.examples[reason][:examples]:
                yield f"    at byte {line.source_offset:,}: {line.message}"
                yield f"      {_cut(line.raw_line.decode('utf-8', 'backslashreplace'))}"


def total_lines(looks: Sequence[Look]) -> Iterator[str]:
    """All logs together, as a table."""
    names = [*(look.name for look in looks), "all"]
    counts = [[getattr(look, name) for name in _COUNTS] for look in looks]
    counts.append([sum(column) for column in zip(*counts, strict=True)] or [0] * len(_COUNTS))
    width = max(map(len, names))
    yield f"{'':{width}}" + "".join(f"{name:>14}" for name in _COUNTS)
    for name, row in zip(names, counts, strict=True):
        yield f"{name:{width}}" + "".join(f"{count:>14,}" for count in row)


def _format(look: Look) -> str:
    if look.log_format is None:
        return "no line that is not blank"
    if look.detection is None:
        return f"read as {look.log_format.name}"
    accepted = look.detection.accepted[look.log_format.name]
    return f"{look.log_format.name} ({accepted} of the first {look.detection.lines} lines)"


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _cut(text: str) -> str:
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."
