"""The report as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from beam_jobs.access_log.cli.panels import Chart, Panel, figures, hours_of_the_day, over_time, panels
from beam_jobs.access_log.cli.shown import cut, cut_inside, padded, percent, printable, size, width
from beam_jobs.access_log.cli.summary import LogSummary
from beam_jobs.access_log.cli.terminal import Terminal
from beam_jobs.access_log.cli.traffic import Traffic
from beam_jobs.access_log.lines import counted
from beam_jobs.access_log.rejection import RejectReason

COUNTS = ("lines", "rows", "rejected", "blank")
"""What is counted of each log."""

_NOT_SHOWN = frozenset(("log_date", "raw_line_hash", "source_offset"))
_NAME_WIDTH = 40
_MOST_BAR = 20
_MOST_BARS = 14
_MOST_MONTHS = 48
_COLUMN_LINES = 5
_COLUMN_WIDTH = 3


def log_lines(summary: LogSummary, terminal: Terminal) -> Iterator[str]:
    """Yield what was read of one log."""
    yield f"{terminal.heading(printable(summary.name))}: {format_and_fit(summary)}"
    figure = max(len(f"{summary.lines:,}"), 8)
    for name in COUNTS:
        yield f"  {name:10}{getattr(summary, name):>{figure},}"
    if summary.first is not None and summary.last is not None:
        yield f"  {'from':10}{_shown(summary.first)}"
        yield f"  {'to':10}{_shown(summary.last)}"
    for frame, lines in summary.frames.most_common():
        yield f"  {'around':10}{counted(lines, 'line')}: {frame}, taken off"
    for log_format, rows in summary.formats.most_common():
        yield f"  {'of these':10}{counted(rows, 'row')} as {log_format}"
    compression = f" ({summary.compression})" if summary.compression else ""
    yield f"  {'read':10}{size(summary.bytes)}{compression} in {summary.seconds:.2f} s"
    if summary.row is not None:
        yield f"  {terminal.heading('the first row')}"
        for name, value in summary.row.items():
            if value is not None and name not in _NOT_SHOWN:
                yield f"    {name:20}{cut(_shown(value), terminal.width - 24)}"


def table_lines(summaries: Sequence[LogSummary], terminal: Terminal) -> Iterator[str]:
    """Yield what was read of several logs, as a table."""
    names = [cut_inside(name, _NAME_WIDTH) for name in (*(summary.name for summary in summaries), "all")]
    counts = [[getattr(summary, name) for name in COUNTS] for summary in summaries]
    counts.append([sum(column) for column in zip(*counts, strict=True)])
    formats = [format_and_fit(summary, is_short=True) for summary in summaries]
    name_width = max(map(width, names))
    figure = max(len(f"{counts[-1][0]:,}"), 8) + 2
    yield terminal.heading(" " * name_width + "".join(f"{name:>{figure}}" for name in COUNTS) + "  format")
    for name, row, log_format in zip(names, counts, [*formats, ""], strict=True):
        line = padded(name, name_width) + "".join(f"{count:>{figure},}" for count in row)
        yield f"{line}  {log_format}".rstrip()


def rejected_lines(summaries: Sequence[LogSummary], examples: int, terminal: Terminal) -> Iterator[str]:
    """Yield why lines were rejected, with up to some number of them for each reason."""
    for reason in RejectReason:
        of_reason = [summary for summary in summaries if summary.reasons[reason]]
        if of_reason:
            yield f"  rejected as {reason}: {sum(summary.reasons[reason] for summary in of_reason):,}"
        shown = [(summary, line) for summary in of_reason for line in summary.examples[reason]]
        for summary, line in shown[:examples]:
            where = "" if len(summaries) == 1 else f"{printable(summary.name)}, "
            yield f"    {where}line {line.line:,}: {line.message}"
            yield f"      {cut(line.raw_line.decode('utf-8', 'backslashreplace'), terminal.width - 6)}"


def traffic_lines(traffic: Traffic, most: int, terminal: Terminal) -> Iterator[str]:
    """Yield the traffic: figures, when it came, and what was asked for most."""
    for name, value in figures(traffic):
        yield f"  {name:18}{value}"
    chart = over_time(traffic, (0, terminal.width - 4, _MOST_MONTHS))
    if len(chart.periods) > _MOST_BARS:
        yield from _columns(chart, terminal)
    elif len(chart.periods) > 1:
        yield from _bars(chart.as_panel(), terminal)
    yield from _columns(hours_of_the_day(traffic), terminal)
    for panel in panels(traffic, most):
        if panel.is_brief:
            yield from _bars(panel, terminal)


def format_and_fit(summary: LogSummary, *, is_short: bool = False) -> str:
    """Return the format of a log and how sure it is."""
    if summary.log_format is None:
        return "no line that is not blank"
    if summary.detection is None:
        return f"read as {summary.log_format.name}"
    if is_short:
        return f"{summary.log_format.name} ({summary.detection.share:.0%} sure)"
    accepted = summary.detection.accepted[summary.log_format.name]
    return f"{summary.log_format.name} ({accepted} of the first {counted(summary.detection.lines, 'line')})"


def _bars(panel: Panel, terminal: Terminal) -> Iterator[str]:
    yield ""
    yield f"  {terminal.heading(panel.title)}"
    figure = max(len(bar.shown) for bar in panel.bars)
    left = terminal.width - 4 - 2 - figure - 2 - 6 - 2
    name_width = min(max(width(cut_inside(bar.name, left)) for bar in panel.bars), left - _MOST_BAR)
    most = max(bar.amount for bar in panel.bars) or 1
    for bar in panel.bars:
        name, share = padded(cut_inside(bar.name, name_width), name_width), percent(bar.amount, panel.total)
        yield f"    {name}  {bar.shown:>{figure}}  {share:>6}  {terminal.bar(bar.amount / most, _MOST_BAR)}".rstrip()
    if panel.note:
        yield f"    ({panel.note})"


def _columns(chart: Chart, terminal: Terminal) -> Iterator[str]:
    most = max(period.counts.requests for period in chart.periods)
    yield ""
    yield f"  {terminal.heading(chart.title)}, at most {most:,}"
    shares = [period.counts.requests / most for period in chart.periods]
    columns = min(_COLUMN_WIDTH, (terminal.width - 4) // len(shares))
    for line in terminal.columns(shares, _COLUMN_LINES, columns):
        yield f"    {line}".rstrip()
    names = [period.name for period in chart.periods]
    if columns > len(names[0]):
        yield "    " + "".join(f"{name:{columns}}" for name in names).rstrip()
    else:
        yield f"    {names[0]}{names[-1]:>{columns * len(names) - len(names[0])}}"


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return str(value)
