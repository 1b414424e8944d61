"""What the demo shows: steps with their time, lines of progress, tables."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from local_stack.demo.counts import LEDGER_COLUMNS, SUMMARY_COLUMNS, Counts
from local_stack.demo.stream_counts import StreamCounts
from logline_cli.tables import counted

_PLAIN_WIDTH = 120
_MOST_ROWS = 12
_MOST_DAYS = 31


class Screen:
    """Standard output: on a terminal with a spinner that says what is at work, else lines only."""

    def __init__(self) -> None:
        # What is printed comes from data: an object may be named like markup or an emoji.
        self._console = Console(highlight=False, markup=False, emoji=False)
        if not self._console.is_terminal:
            self._console.width = _PLAIN_WIDTH
        self._begun = time.monotonic()
        self._spinner: Status | None = None

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print a step's title, and how long it took when it ends well."""
        begun = time.monotonic()
        self._console.print(title, style="bold")
        with contextlib.ExitStack() as until_end:
            if self._console.is_terminal:
                self._spinner = until_end.enter_context(self._console.status(Text(title)))
            yield
        self._spinner = None
        now = time.monotonic()
        self._console.print(f"  {now - begun:.1f} s, {now - self._begun:.1f} s in all\n")

    def line(self, text: str) -> None:
        """Print a line."""
        self._console.print(f"  {text}", soft_wrap=True)

    def working(self, text: str) -> None:
        """Say what is at work, where there is a spinner."""
        if self._spinner:
            self._spinner.update(Text(text))

    def ledger(self, counts: Counts) -> None:
        """Print what became of the lines of each source object; many objects of one folder in one row."""
        ledger = counts.ledger
        folder = _shared_folder(list(ledger))
        table = _table(f"Ledger: what became of every line of {folder}", "object", "format", *LEDGER_COLUMNS)
        rows = {uri: (row["log_format"], row) for uri, row in ledger.items()}
        if len(rows) > _MOST_ROWS:
            rows = _by_folder(ledger)
        for name, (log_format, row) in rows.items():
            numbers = (_number(row[column]) for column in LEDGER_COLUMNS)
            table.add_row(name.removeprefix(folder), log_format or "", *numbers)
        table.add_section()
        table.add_row("total", "", *(_number(sum(row[c] for row in ledger.values())) for c in LEDGER_COLUMNS))
        self._console.print(table)

    def rejected(self, counts: Counts, examples: Sequence[Mapping[str, Any]] = ()) -> None:
        """Print how many lines were rejected for which reason, and where given an example of each."""
        by_reason: dict[str, int] = {}
        for reasons in counts.rejected.values():
            for reason, count in reasons.items():
                by_reason[reason] = by_reason.get(reason, 0) + count
        table = _table("Rejected lines", "reason", "lines")
        for reason, count in sorted(by_reason.items(), key=lambda item: -item[1]):
            table.add_row(reason, _number(count))
        self._console.print(table)
        for example in examples:
            self.line(f"{example['error_type']}: {example['error_message']}")
            self.line(f"    {example['source_uri']} at byte {example['source_offset']:,}")
            self.line(f"    {_printable(example['raw_line'])}")

    def days(self, counts: Counts) -> None:
        """Print the summary and the statuses of each day."""
        summary = _table("Daily summary", "day", *(column.replace("_", " ") for column in SUMMARY_COLUMNS))
        for day, row in list(counts.summary.items())[:_MOST_DAYS]:
            summary.add_row(day, *(_number(row[column]) for column in SUMMARY_COLUMNS))
        self._console.print(summary)
        known = sorted(
            {s for by_status in counts.statuses.values() for s in by_status}, key=lambda s: (s is None, s or 0)
        )
        statuses = _table("Requests by status", "day", *("none" if s is None else str(s) for s in known))
        for day, by_status in list(counts.statuses.items())[:_MOST_DAYS]:
            statuses.add_row(day, *(_number(by_status.get(status, 0)) for status in known))
        self._console.print(statuses)
        if len(counts.summary) > _MOST_DAYS:
            self.line(f"... and {counted(len(counts.summary) - _MOST_DAYS, 'more day')} in the table daily_summary")

    def sources(self, counts: StreamCounts) -> None:
        """Print how many requests of each day came from which source."""
        table = _table("Requests by source: each one once", "day", "from files", "from the stream", "daily_summary")
        for day, requests in counts.summary.items():
            by_source = counts.requests.get(day, {})
            table.add_row(
                day, _number(by_source.get("backfill", 0)), _number(by_source.get("stream", 0)), _number(requests)
            )
        self._console.print(table)

    def plain(self, text: str = "") -> None:
        """Print text as it is."""
        self._console.print(text, soft_wrap=True)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="left" if name == "format" else "right", no_wrap=True)
    return table


def _shared_folder(uris: Sequence[str]) -> str:
    """Return the longest ``gs://bucket/folder/`` that all these objects are in."""
    shared: list[str] = []
    for parts in zip(*(uri.split("/")[:-1] for uri in uris), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "".join(f"{part}/" for part in shared)


def _by_folder(ledger: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    folders: dict[str, list[Mapping[str, Any]]] = {}
    for uri, row in ledger.items():
        folders.setdefault(uri.rpartition("/")[0], []).append(row)
    return {
        f"{folder}/ ({counted(len(rows), 'object')})": (
            ", ".join(sorted({row["log_format"] or "" for row in rows})),
            {column: sum(row[column] for row in rows) for column in LEDGER_COLUMNS},
        )
        for folder, rows in folders.items()
    }


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _printable(line: bytes, most: int = 300) -> str:
    text = line[:most].decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown + (" ..." if len(line) > most else "")
