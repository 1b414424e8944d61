"""What both ways of fuzzing begin with: formats by number, the lines of the cases, and what an input file means."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from beam_jobs.access_log import FORMATS

REPOSITORY = Path(__file__).parents[2]
FOUND = REPOSITORY / ".local" / "fuzz"
CASES: list[tuple[str, dict[str, Any]]] = [
    (path.stem, case)
    for path in sorted((REPOSITORY / "tests" / "unit" / "beam_jobs" / "access_log" / "cases").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]
"""Name of the file, which is the format where the case names none; the case."""
MIXES = ("combined+common+nginx_main+combined_and_more", "combined+aws_cloudfront+nginx_json")
FORMAT_NAMES = list(dict.fromkeys((*FORMATS, *MIXES, *(case["format"] for _, case in CASES if "format" in case))))
assert len(FORMAT_NAMES) <= 256

LAST, ANONYMOUS, SHORT = 1, 2, 4
"""Choices of an input: a long line stands behind the block, it is anonymised too, lines may have 100 bytes."""


class Input(NamedTuple):
    """A format's name, the choices, and the block; as bytes, the format's number and the choices are one byte each."""

    format_name: str
    choices: int
    block: bytes

    def to_bytes(self) -> bytes:
        return bytes([FORMAT_NAMES.index(self.format_name), self.choices]) + self.block

    @classmethod
    def from_bytes(cls, data: bytes) -> Input:
        return cls(FORMAT_NAMES[data[0] % len(FORMAT_NAMES)], data[1], data[2:])


def lines_of_cases() -> dict[str, list[bytes]]:
    """Return the cases' lines by the name of their format."""
    lines: dict[str, list[bytes]] = {}
    for name, case in CASES:
        lines.setdefault(case.get("format", name), []).append(case["line"].encode("latin-1"))
    return lines
