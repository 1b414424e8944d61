"""The traffic as one HTML page that asks nobody for anything: no scripts, fonts or pictures but its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from beam_jobs.access_log.cli.printable import printable
from beam_jobs.access_log.cli.summary import LogSummary
from beam_jobs.access_log.cli.traffic import Bar, Panel, Traffic
from beam_jobs.access_log.cli.traffic_report import figures, percent

_STYLE = """
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1a1d21; --dim: #626a73; --line: #e1e4e8;
  --people: #2f6fde; --bots: #c98a1b; --bar: #2f6fde2b; --bad: #c2352b; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1e2226; --text: #e8eaed; --dim: #9aa3ad;
  --line: #30363c; --people: #6ea0ff; --bots: #e2ab4b; --bar: #6ea0ff33; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 78rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 .6rem; }
p { margin: .2rem 0; color: var(--dim); overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.2rem 0; }
dl div, section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
dt { color: var(--dim); font-size: .85rem; }
dd { margin: 0; font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: .75rem; }
section { min-width: 0; overflow-x: auto; }
section.wide { grid-column: 1 / -1; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--dim); font-size: 11px; }
svg line { stroke: var(--line); }
.people { fill: var(--people); background: var(--people); } .bots { fill: var(--bots); background: var(--bots); }
.key { font-size: .85rem; } .key i { display: inline-block; width: .7em; height: .7em; border-radius: .15em;
  margin: 0 .35em 0 .9em; } .key i:first-child { margin-left: 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--dim); font-size: .85rem; }
td, th { padding: .22rem .4rem; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.name { overflow-wrap: anywhere; min-width: 9rem;
  background: linear-gradient(var(--bar), var(--bar)) no-repeat left / var(--share) 100%; }
td.count, th.count { text-align: right; white-space: nowrap; }
.bad { color: var(--bad); }
footer { margin-top: 1.5rem; color: var(--dim); font-size: .85rem; }
"""
_CHART_WIDTH, _CHART_HEIGHT, _LEFT, _BOTTOM, _TOP = 1000, 220, 58, 22, 8


def html_page(summaries: Sequence[LogSummary], traffic: Traffic) -> str:
    """Return the page.

    Args:
        summaries: Of all logs that were read.
        traffic: Of all of them.
    """
    title = summaries[0].name if len(summaries) == 1 else f"{len(summaries)} logs"
    return "".join(_page(title, summaries, traffic))


def _page(title: str, summaries: Sequence[LogSummary], traffic: Traffic) -> Iterator[str]:
    yield (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Nothing of a log can become a request, whatever it holds.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n<h1>{_text(title)}</h1>\n"
    )
    times = [time for summary in summaries for time in (summary.first, summary.last) if time is not None]
    if times:
        yield f"<p>{min(times):%Y-%m-%d %H:%M:%S} to {max(times):%Y-%m-%d %H:%M:%S} UTC</p>\n"
    yield "<dl>\n"
    for name, value in figures(traffic):
        yield f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>\n"
    yield "</dl>\n<main>\n"
    yield from _chart(traffic.days())
    yield from _chart(traffic.hours_of_the_day())
    for panel in traffic.panels():
        yield from _table(panel)
    yield from _files(summaries)
    yield f"</main>\n<footer>Made by logline, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC</footer>\n</html>\n"


def _chart(panel: Panel) -> Iterator[str]:
    """Draw columns over time, bots on top of people."""
    if not panel.bars:
        return
    most = _round_up(max(bar.requests for bar in panel.bars))
    step = (_CHART_WIDTH - _LEFT) / len(panel.bars)
    height = _CHART_HEIGHT - _TOP - _BOTTOM
    yield f'<section class="wide"><h2>{_text(panel.title)}</h2>\n'
    yield '<p class="key"><i class="people"></i>people<i class="bots"></i>bots</p>\n'
    yield f'<svg viewBox="0 0 {_CHART_WIDTH} {_CHART_HEIGHT}" role="img" aria-label="{_text(panel.title)}">\n'
    for share in (0.0, 0.5, 1.0):
        y = _TOP + height * (1 - share)
        yield f'<line x1="{_LEFT}" x2="{_CHART_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * share:,.0f}</text>\n'
    every = max(1, -(-len(panel.bars) * 80 // (_CHART_WIDTH - _LEFT)) if len(panel.bars[0].name) > 2 else 1)
    for number, bar in enumerate(panel.bars):
        x = _LEFT + number * step
        yield f"<g><title>{_text(_described(bar))}</title>{_column(bar, x, step, height / most)}</g>\n"
        if number % every == 0:
            middle = x + step / 2
            yield f'<text x="{middle:.1f}" y="{_CHART_HEIGHT - 6}" text-anchor="middle">{_text(bar.name)}</text>\n'
    yield "</svg></section>\n"


def _column(bar: Bar, x: float, step: float, scale: float) -> str:
    bots = (bar.bots or 0) * scale
    people = bar.requests * scale - bots
    base = _CHART_HEIGHT - _BOTTOM
    width = min(max(step * 0.8, 1), 60)
    left = x + (step - width) / 2
    return (
        f'<rect class="people" x="{left:.1f}" y="{base - people:.1f}" width="{width:.1f}" height="{people:.1f}"/>'
        f'<rect class="bots" x="{left:.1f}" y="{base - people - bots:.1f}" width="{width:.1f}" height="{bots:.1f}"/>'
    )


def _described(bar: Bar) -> str:
    return f"{bar.name}: {bar.requests:,} requests, {bar.bots or 0:,} of bots"


def _round_up(count: int) -> int:
    """Return a round number that is not smaller."""
    unit = 10 ** max(len(str(count)) - 1, 0)
    return next((step * unit // 2 for step in range(2, 21) if step * unit // 2 >= count), count) or 1


def _table(panel: Panel) -> Iterator[str]:
    most = max(bar.requests for bar in panel.bars)
    yield f"<section><h2>{_text(panel.title)}</h2>\n<table>\n"
    for bar in panel.bars:
        yield (
            f'<tr><td class="name" style="--share:{bar.requests / most:.1%}">{_text(bar.name)}</td>'
            f'<td class="count">{bar.requests:,}</td><td class="count">{percent(bar.requests, panel.total)}</td></tr>\n'
        )
    yield "</table>\n"
    if panel.note:
        yield f"<p>{_text(panel.note)}</p>"
    yield "</section>\n"


def _files(summaries: Sequence[LogSummary]) -> Iterator[str]:
    yield '<section class="wide"><h2>what was read</h2>\n<table>\n<tr><th>log</th><th>format</th>'
    yield "".join(f'<th class="count">{name}</th>' for name in ("lines", "rows", "rejected", "blank")) + "</tr>\n"
    for summary in summaries:
        counts = (summary.lines, summary.rows, summary.rejected, summary.blank)
        log_format = summary.log_format.name if summary.log_format else "-"
        yield f"<tr><td>{_text(summary.name)}</td><td>{_text(log_format)}</td>"
        yield "".join(f'<td class="count">{count:,}</td>' for count in counts) + "</tr>\n"
    yield "</table>\n"
    for summary in summaries:
        for warning in summary.warnings:
            yield f'<p class="bad">{_text(f"{summary.name}: {warning}")}</p>\n'
        for reason, lines in summary.examples.items():
            first = lines[0]
            text = f"{summary.name}: {summary.reasons[reason]:,} rejected as {reason}; the first, at byte "
            yield f'<p class="bad">{_text(f"{text}{first.source_offset:,}: {first.message}")}</p>\n'
    yield "</section>\n"


def _text(text: str) -> str:
    return escape(printable(text))
