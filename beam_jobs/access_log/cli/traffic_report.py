"""The traffic of all logs as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from beam_jobs.access_log.cli.printable import cut
from beam_jobs.access_log.cli.terminal import Terminal
from beam_jobs.access_log.cli.traffic import Panel, Traffic

_PERCENTILES = (("median", 0.5), ("p95", 0.95), ("p99", 0.99))
_MOST_BAR = 30
_HOUR_LINES = 5
_HOUR_WIDTH = 3
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def traffic_lines(traffic: Traffic, terminal: Terminal) -> Iterator[str]:
    """Yield the traffic: figures, the days, the hours, and what was asked for most."""
    for name, value in figures(traffic):
        yield f"  {name:14}{value}"
    yield from _bars(traffic.days(), terminal)
    yield from _hours(traffic.hours_of_the_day(), terminal)
    for panel in traffic.panels():
        yield from _bars(panel, terminal)


def figures(traffic: Traffic) -> Iterator[tuple[str, str]]:
    """Yield the figures of all traffic, each with its name."""
    addresses = traffic.top("addresses")
    yield "requests", f"{traffic.requests:,}"
    if addresses.distinct:
        yield "addresses", f"{'' if addresses.is_exact else 'at least '}{addresses.distinct:,}"
    yield "of bots", percent(traffic.bots, traffic.requests)
    yield "errors", f"4xx {traffic.share_of_statuses(4):.1%}, 5xx {traffic.share_of_statuses(5):.1%}"
    yield "sent", size(traffic.bytes_sent)
    durations = [(name, traffic.duration_ms(share)) for name, share in _PERCENTILES]
    if durations[0][1] is not None:
        yield "duration", ", ".join(f"{name} {ms:,.3g} ms" for name, ms in durations)


def percent(count: int, total: int) -> str:
    """Return a share for readers."""
    return f"{count / total:.1%}" if total else "0.0%"


def size(count: float) -> str:
    """Return a number of bytes for readers."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"


def _bars(panel: Panel, terminal: Terminal) -> Iterator[str]:
    if not panel.bars:
        return
    yield ""
    yield f"  {terminal.heading(panel.title)}"
    most = max(bar.requests for bar in panel.bars)
    number = max(len(f"{bar.requests:,}") for bar in panel.bars)
    rest = terminal.width - 4 - number - 10
    name_width = min(max(len(cut(bar.name, rest)) for bar in panel.bars), max(rest - _MOST_BAR - 2, 16))
    bar_width = max(min(rest - name_width - 2, _MOST_BAR), 1)
    for bar in panel.bars:
        drawn = terminal.bar(bar.requests / most, bar_width) if most else ""
        name, share = cut(bar.name, name_width), percent(bar.requests, panel.total)
        yield f"    {name:{name_width}}  {bar.requests:>{number},}  {share:>6}  {drawn}".rstrip()
    if panel.note:
        yield f"    ({panel.note})"


def _hours(panel: Panel, terminal: Terminal) -> Iterator[str]:
    most = max(bar.requests for bar in panel.bars)
    yield ""
    yield f"  {terminal.heading(panel.title)}{f', at most {most:,}' if most else ''}"
    shares = [bar.requests / most if most else 0.0 for bar in panel.bars]
    for line in terminal.columns(shares, _HOUR_LINES, _HOUR_WIDTH):
        yield f"    {line}".rstrip()
    yield "    " + " ".join(bar.name for bar in panel.bars)
