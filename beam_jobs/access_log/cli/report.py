"""Summaries of logs as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from beam_jobs.access_log.cli.printable import cut
from beam_jobs.access_log.cli.summary import LogSummary
from beam_jobs.access_log.lines import counted
from beam_jobs.access_log.rejection import RejectReason

_SHOWN_CHARACTERS = 100
_COUNTS = ("lines", "rows", "rejected", "blank")
_NOT_SHOWN = frozenset(("log_date", "raw_line_hash", "source_offset"))


def report_lines(summary: LogSummary, examples: int) -> Iterator[str]:
    """Yield the report of one log, with up to some number of rejected lines for each reason."""
    yield f"{summary.name}: {_format(summary)}"
    width = max(len(f"{summary.lines:,}"), 8)
    for name in _COUNTS:
        yield f"  {name:10}{getattr(summary, name):>{width},}"
    if summary.first is not None and summary.last is not None:
        yield f"  {'from':10}{_shown(summary.first)}"
        yield f"  {'to':10}{_shown(summary.last)}"
    compression = f" ({summary.compression})" if summary.compression else ""
    yield f"  {'read':10}{summary.bytes / 1e6:,.1f} MB{compression} in {summary.seconds:.2f} s"
    if summary.row is not None:
        yield "  the first row"
        for name, value in summary.row.items():
            if value is not None and name not in _NOT_SHOWN:
                yield f"    {name:20}{cut(_shown(value), _SHOWN_CHARACTERS)}"
    for reason in RejectReason:
        if summary.reasons[reason]:
            yield f"  rejected as {reason}: {summary.reasons[reason]:,}"
            for line in summary.examples[reason][:examples]:
                yield f"    at byte {line.source_offset:,}: {line.message}"
                yield f"      {cut(line.raw_line.decode('utf-8', 'backslashreplace'), _SHOWN_CHARACTERS)}"


def total_lines(summaries: Sequence[LogSummary]) -> Iterator[str]:
    """Yield all logs together, as a table."""
    names = [*(summary.name for summary in summaries), "all"]
    counts = [[getattr(summary, name) for name in _COUNTS] for summary in summaries]
    counts.append([sum(column) for column in zip(*counts, strict=True)] or [0] * len(_COUNTS))
    width = max(map(len, names))
    yield f"{'':{width}}" + "".join(f"{name:>14}" for name in _COUNTS)
    for name, row in zip(names, counts, strict=True):
        yield f"{name:{width}}" + "".join(f"{count:>14,}" for count in row)


def _format(summary: LogSummary) -> str:
    if summary.log_format is None:
        return "no line that is not blank"
    if summary.detection is None:
        return f"read as {summary.log_format.name}"
    accepted = summary.detection.accepted[summary.log_format.name]
    return f"{summary.log_format.name} ({accepted} of the first {counted(summary.detection.lines, 'line')})"


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return str(value)
