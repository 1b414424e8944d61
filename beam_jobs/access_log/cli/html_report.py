"""The report as one HTML page without scripts, which loads nothing and on which nothing of a log is markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from beam_jobs.access_log.cli.html_style import STYLE
from beam_jobs.access_log.cli.panels import Chart, Panel, Period, figures, hours_of_the_day, over_time, panels
from beam_jobs.access_log.cli.shown import cut, percent, printable, size
from beam_jobs.access_log.cli.summary import LogSummary
from beam_jobs.access_log.cli.text_report import COUNTS, format_and_fit
from beam_jobs.access_log.cli.traffic import Traffic
from beam_jobs.access_log.lines import counted

_MOST_PERIODS = (168, 366, 120)
_MOST_LABELS = 8
_MOST_CHARACTERS = 500
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def html_page(summaries: Sequence[LogSummary], traffic: Traffic, most: int, examples: int) -> str:
    """Return the page.

    Args:
        summaries: Of all logs that were read.
        traffic: Of all of them.
        most: How many paths, addresses and so on are shown.
        examples: How many rejected lines are shown of each log and reason.
    """
    title = _text(summaries[0].name if len(summaries) == 1 else f"{len(summaries)} logs")
    body = "".join(_body(summaries, traffic, most, examples))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )


def _body(summaries: Sequence[LogSummary], traffic: Traffic, most: int, examples: int) -> Iterator[str]:
    lines, rows, rejected = (sum(getattr(one, name) for one in summaries) for name in ("lines", "rows", "rejected"))
    formats = dict.fromkeys(summary.log_format.name for summary in summaries if summary.log_format)
    yield f"<p>{rows:,} of {counted(lines, 'line')} read as {_text(', '.join(formats) or '-')}"
    yield f', <a class="bad" href="#rejected">{rejected:,} rejected</a></p>\n' if rejected else "</p>\n"
    times = [time for summary in summaries for time in (summary.first, summary.last) if time is not None]
    if times:
        yield f"<p>{_time(min(times))} to {_time(max(times))} UTC</p>\n"
    yield "<main>\n"
    if traffic.hours:
        yield "<dl>\n"
        for name, value in figures(traffic):
            yield f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>\n"
        yield "</dl>\n"
        periods = over_time(traffic, _MOST_PERIODS)
        if len(periods.periods) > 1:
            yield _chart(periods)
        yield _chart(hours_of_the_day(traffic))
        yield f'<div class="panels">\n{"".join(map(_panel, panels(traffic, most)))}</div>\n'
    yield _section("what was read", _logs(summaries))
    if rejected:
        yield _section("rejected lines", _rejected(summaries, examples), anchor="rejected")
    yield f"</main>\n<footer>Made by logline, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC</footer>\n"


def _section(title: str, content: Iterable[str], anchor: str = "") -> str:
    attribute = f' id="{anchor}"' if anchor else ""
    return f"<section{attribute}><h2>{_text(title)}</h2>\n{''.join(content)}</section>\n"


def _chart(chart: Chart) -> str:
    """Draw columns over time, bots on top of people, with their figures in a table."""
    headings = ["", "requests", "bots", "4xx", "5xx", "sent"]
    rows = [[period.name, *_figures(period)] for period in chart.periods]
    if chart.periods[0].visitors is not None:
        headings.append("visitors")
        rows = [[*row, f"{period.visitors:,}"] for row, period in zip(rows, chart.periods, strict=True)]
    content = (
        '<p class="key"><i class="people"></i>people<i class="bots"></i>bots</p>\n',
        *_drawing(chart),
        "<details><summary>the figures as a table</summary>\n",
        _table(headings, [[f'<th scope="row">{_text(name)}</th>', *map(_cell, cells)] for name, *cells in rows]),
        "</details>\n",
    )
    return _section(chart.title, content)


def _drawing(chart: Chart) -> Iterator[str]:
    most = _round_up(max(period.counts.requests for period in chart.periods))
    axis = "".join(f"<span>{most * share:,.{0 if most % 2 == 0 else 1}f}</span>" for share in (1, 0.5, 0))
    yield f'<div class="chart"><div class="axis" aria-hidden="true">{axis}</div>\n'
    # Two drawings in each other: the inner one ends where the labels begin, and is as tall as 100 %.
    yield f'<svg role="img" aria-label="{_text(chart.title)}: the figures are in the table below">\n'
    yield '<svg width="100%" height="90%" viewBox="0 0 100 100" preserveAspectRatio="none">\n'
    for y in (0, 50, 100):
        yield f'<line x1="0" x2="100" y1="{y}" y2="{y}" vector-effect="non-scaling-stroke"/>\n'
    step = 100 / len(chart.periods)
    for number, period in enumerate(chart.periods):
        counts = period.counts
        x, width = (number + 0.1) * step, step * 0.8
        bots = 100 * counts.bots / most
        people = 100 * counts.requests / most - bots
        described = f"{period.name}: {counted(counts.requests, 'request')}, {counts.bots:,} of bots"
        yield f"<g><title>{_text(described)}</title>"
        for kind, top, height in (("people", 100 - people, people), ("bots", 100 - people - bots, bots)):
            yield f'<rect class="{kind}" x="{x:.3f}" y="{top:.3f}" width="{width:.3f}" height="{height:.3f}"/>'
        yield "</g>\n"
    yield "</svg>\n"
    for place, (number, label) in enumerate(_labels([period.name for period in chart.periods])):
        minor = ' class="minor"' if place % 2 else ""
        yield f'<text x="{(number + 0.5) * step:.3f}%" y="100%"{minor}>{_text(label)}</text>\n'
    yield "</svg></div>\n"


def _labels(names: Sequence[str]) -> list[tuple[int, str]]:
    """Return as many of the names as have room, each with its number; of hours of several days the days."""
    days = [(number, name.removesuffix(" 00:00")) for number, name in enumerate(names) if name.endswith(" 00:00")]
    labels = days if len(days) > 1 else list(enumerate(names))
    room = 24 if len(names[0]) == 2 else _MOST_LABELS
    return labels[:: -(-len(labels) // room)]


def _figures(period: Period) -> list[str]:
    counts = period.counts
    numbers = (counts.requests, counts.bots, counts.client_errors, counts.server_errors)
    return [*(f"{number:,}" for number in numbers), size(counts.bytes_sent)]


def _round_up(count: int) -> int:
    """Return a round number that is not smaller."""
    unit = 10 ** max(len(str(count)) - 1, 0)
    return next((step * unit // 2 for step in range(2, 21) if step * unit // 2 >= count), count) or 1


def _panel(panel: Panel) -> str:
    most = max(bar.amount for bar in panel.bars) or 1
    rows = [
        [
            f'<th scope="row" class="name s{bar.amount / most * 100:.0f}">{_text(bar.name)}</th>',
            _cell(bar.shown),
            _cell(percent(bar.amount, panel.total)),
        ]
        for bar in panel.bars
    ]
    note = f"<p>{_text(panel.note)}</p>\n" if panel.note else ""
    return _section(panel.title, (_table(["", panel.measure, "share"], rows), note))


def _logs(summaries: Sequence[LogSummary]) -> Iterator[str]:
    headings = ["log", "format", *COUNTS, "first (UTC)", "last (UTC)"]
    rows = [
        [
            _text_cell(summary.name),
            _text_cell(format_and_fit(summary)),
            *(_cell(f"{getattr(summary, name):,}") for name in COUNTS),
            *(_cell(_time(time) if time else "-") for time in (summary.first, summary.last)),
        ]
        for summary in summaries
    ]
    yield _table(headings, rows, (0, 1))
    for summary in summaries:
        for frame, lines in summary.frames.most_common():
            yield f"<p>{_text(summary.name)}: {counted(lines, 'line')} in {_text(frame)}, taken off</p>\n"
        for log_format, found in summary.formats.most_common():
            yield f"<p>{_text(summary.name)}: {counted(found, 'row')} as {_text(log_format)}</p>\n"
        for warning in summary.warnings:
            yield f'<p class="bad">{_text(summary.name)}: {_text(warning)}</p>\n'


def _rejected(summaries: Sequence[LogSummary], examples: int) -> Iterator[str]:
    for summary in summaries:
        for reason, lines in summary.examples.items():
            yield f"<h3>{_text(summary.name)}: {summary.reasons[reason]:,} as {_text(reason)}</h3>\n"
            for line in lines[:examples]:
                shown = escape(cut(line.raw_line.decode("utf-8", "backslashreplace"), _MOST_CHARACTERS))
                yield f"<p>Line {line.line:,}: {_text(line.message)}<br><code>{shown}</code></p>\n"


def _table(headings: Sequence[str], rows: Iterable[Iterable[str]], texts: Sequence[int] = ()) -> str:
    """Return a table; columns are of numbers but for the first one and those of `texts`."""
    head = "".join(
        f'<th scope="col"{" class=text" if place in texts else ""}>{_text(heading)}</th>' if heading else "<td></td>"
        for place, heading in enumerate(headings)
    )
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"


def _cell(text: str) -> str:
    return f"<td>{_text(text)}</td>"


def _text_cell(text: str) -> str:
    return f'<td class="text">{_text(text)}</td>'


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _text(text: str) -> str:
    return escape(printable(text))
