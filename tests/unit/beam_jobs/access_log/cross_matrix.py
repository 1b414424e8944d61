"""Every format's reader over lines of every other format, whole and spoilt: what becomes a row, and whether it is true.

    python -m tests.unit.beam_jobs.access_log.cross_matrix

Prints a line for each format whose lines were tried and each other one that reads some of them: how many became rows,
how many were rejected, and of the rows how many say what the line's own reader says. A row that says something else in
a column of the line's own format is a misreading, and printed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from beam_jobs.access_log import FORMATS
from beam_jobs.access_log.engines import parse_line
from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.row import Row

_CASES = Path(__file__).parent / "cases"
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^\t "\[]+|.', re.DOTALL)
# Formats that are not detected are named by people who know what their lines say.
_READERS = {name: one for name, one in FORMATS.items() if getattr(one, "is_detected", True)}
# Columns that fields fill beside the one of their name.
_COLUMNS = {
    "remote_addr_port": ("remote_addr",),
    "client_list": ("remote_addr", "forwarded_for"),
    "host_port": ("host",),
    "virtual_host": ("host",),
    "host_name": ("host",),
    "request": ("method", "path", "query", "protocol"),
    "request_url": ("method", "path", "query", "protocol", "host"),
    "target": ("path", "query"),
    "url": ("path", "query", "host"),
    "referer_encoded": ("referer",),
    "user_agent_encoded": ("user_agent",),
}


_TEXTS = ("referer", "user_agent")
CANNOT_BE_TOLD = {
    # A quoted text that is missing or doubled leaves a line of combined, or of combined with a further field.
    **dict.fromkeys(("combined", "forwarded_combined"), (*_TEXTS, "remote_addr")),
    **dict.fromkeys(("combined_and_more", "nginx_rt"), _TEXTS),
    # A number that is doubled leaves one with a further field.
    "common_and_more": ("body_bytes_sent",),
    # A host without the client behind it is a client by its name; a word before or behind a client may be either.
    "common": ("remote_addr",),
    "forwarded_common": ("remote_addr",),
    "host_combined": ("host", "remote_addr", "remote_user"),
    "host_common": ("host", "remote_addr", "remote_user"),
    "vhost_combined": ("host", "remote_addr", "remote_user"),
}
"""By reader the columns in which a mutation can make one right line of another."""


class Misreading(NamedTuple):
    """A value that another format's reader takes from a line, and what its own says of the same column."""

    own: str
    other: str
    column: str
    line: bytes
    value: Any


class Matrix(NamedTuple):
    """Outcomes by format of the line and format of the reader: `rows`, `rejected`, `agreed`."""

    outcomes: dict[tuple[str, str], Counter[str]]
    misreadings: list[Misreading]


def seeds() -> dict[str, list[bytes]]:
    """Return lines of each format: those of its cases that are rows."""
    found: dict[str, list[bytes]] = {name: [] for name in FORMATS}
    for path in sorted(_CASES.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text()):
            name = case.get("format", path.stem)
            if name in found and "row" in case:
                found[name].append(case["line"].encode("latin-1"))
    return found


def mutations(line: bytes) -> Iterator[bytes]:
    """Yield the line, then each of its parts left out, twice, as `-`, and in the place of the next one."""
    yield line
    if line.startswith(b"{"):
        yield from _json_mutations(json.loads(line.decode("utf-8", "replace")))
        return
    tokens = _TOKEN.findall(line)
    places = [place for place, token in enumerate(tokens) if token not in (b" ", b"\t")]
    for place, following in zip(places, [*places[1:], len(tokens)], strict=True):
        before, token, gap = tokens[:place], tokens[place], tokens[place + 1 : following]
        behind = tokens[following:]
        separator = gap or tokens[place - 1 : place]
        yield b"".join([*before, *behind])
        yield b"".join([*before, token, *separator, token, *gap, *behind])
        yield b"".join([*before, b"-", *gap, *behind])
        if behind:
            yield b"".join([*before, behind[0], *gap, token, *behind[1:]])
        yield b"".join(before).rstrip(b" \t")


def _json_mutations(document: dict[str, Any]) -> Iterator[bytes]:
    names = list(document)
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        yield json.dumps({key: document[key] for key in names if key != name}).encode()
        yield json.dumps(document | {name: "-"}).encode()
        yield json.dumps(document | {name: document[following], following: document[name]}).encode()


def matrix(lines_each: int) -> Matrix:
    """Read the mutations of so many lines of each format with every format."""
    outcomes: dict[tuple[str, str], Counter[str]] = {}
    misreadings = []
    for name, lines in seeds().items():
        for line in lines[:lines_each]:
            truth = parse_line(FORMATS[name], line)
            assert isinstance(truth, Row), (name, line)
            for spoilt in dict.fromkeys(mutations(line)):
                own = parse_line(FORMATS[name], spoilt)
                for other, log_format in _READERS.items():
                    outcome = outcomes.setdefault((name, other), Counter())
                    read = parse_line(log_format, spoilt) if other != name else own
                    if not isinstance(read, Row):
                        outcome["rejected"] += 1
                        continue
                    outcome["rows"] += 1
                    wrong = _misread(name, own if isinstance(own, Row) else truth, read)
                    if wrong is None:
                        outcome["agreed"] += 1
                    else:
                        misreadings.append(Misreading(name, other, wrong, spoilt, getattr(read, wrong)))
    return Matrix(outcomes, misreadings)


def _misread(name: str, own: Row, read: Row) -> str | None:
    for column in _columns(FORMATS[name]):
        value = getattr(read, column)
        if column == "forwarded_for" and value == read.remote_addr:
            continue
        if value is not None and value != getattr(own, column):
            return column
    return None


def _columns(log_format: TemplateFormat | JsonFormat) -> list[str]:
    """Return the columns that a format's lines have."""
    if isinstance(log_format, JsonFormat):
        fields = [key.field for key in log_format.keys]
    else:
        fields = [slot.name for slot in log_format.slots]
    known = {column for field in fields for column in _COLUMNS.get(field, (field,))}
    if any(field.startswith("duration") for field in fields):
        known.add("request_duration_ms")
    return ["timestamp", *(column for column in Row._fields if column in known and column != "timestamp")]


def main() -> None:
    """Print the matrix of all lines."""
    found = matrix(lines_each=100)
    print(f"{'lines of':30}{'read as':30}{'rows':>8}{'rejected':>10}{'agreed':>8}")
    for (name, other), outcome in found.outcomes.items():
        if outcome["rows"]:
            print(f"{name:30}{other:30}{outcome['rows']:8}{outcome['rejected']:10}{outcome['agreed']:8}")
    for misreading in found.misreadings:
        told = "cannot be told" if misreading.column in CANNOT_BE_TOLD.get(misreading.other, ()) else "MISREAD"
        print(told, *misreading)


if __name__ == "__main__":
    main()
