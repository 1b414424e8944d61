"""The rows of hourly_sequences from numbered lines, counted apart from dags/sql: one line after the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from itertools import pairwise
from typing import Any, NamedTuple

DISORDER = 1000


class NumberedLine(NamedTuple):
    """A line, in the order of its file."""

    moment: datetime
    source: str | None
    connection: int | None
    number: int
    text: bytes


def hourly_sequences(lines: Iterable[NumberedLine]) -> dict[date, Counter[tuple[Any, ...]]]:
    """The rows by day, as tuples in the order of the columns."""
    counters: dict[tuple[Any, ...], list[NumberedLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.moment):
        counters[line.moment.date(), line.source, line.connection].append(line)
    figures: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for of_counter in counters.values():
        _count(of_counter, figures)
    names = ("requests", "numbers", "gaps", "missing", "repeats", "copies", "restarts")
    rows: dict[date, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for (hour, source), found in figures.items():
        rows[hour.date()][hour.date(), hour, source, *(found[name] for name in names)] += 1
    return dict(rows)


def _count(lines: list[NumberedLine], figures: dict[tuple[Any, ...], Counter[str]]) -> None:
    seen_lines: set[tuple[int, bytes]] = set()
    seen_numbers: set[int] = set()
    runs: list[dict[int, NumberedLine]] = [{}]
    before: int | None = None
    for line in lines:
        of_hour = figures[_hour(line), line.source]
        of_hour["requests"] += 1
        if (line.number, line.text) in seen_lines:
            of_hour["copies"] += 1
            continue
        first_again = line.number in seen_numbers and (line.number == 0 or (line.number == 1 and before != 0))
        if before is not None and (line.number < before - DISORDER or first_again):
            of_hour["restarts"] += 1
            runs.append({})
        if line.number in runs[-1]:
            of_hour["repeats"] += 1
        else:
            of_hour["numbers"] += 1
            runs[-1][line.number] = line
        seen_lines.add((line.number, line.text))
        seen_numbers.add(line.number)
        before = line.number
    for run in runs:
        following = sorted(run)
        for number, after in pairwise(following):
            if after > number + 1:
                of_hour = figures[_hour(run[number]), run[number].source]
                of_hour["gaps"] += 1
                of_hour["missing"] += after - number - 1


def _hour(line: NumberedLine) -> datetime:
    return line.moment.replace(minute=0, second=0, microsecond=0)
