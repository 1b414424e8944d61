"""What was drawn of a day, counted: the truth that a parser must find."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_TOP_PATHS = 20


@dataclass
class DayTruth:
    """Counts of one day's lines; `lines == rows + rejected + blank`, and what a line holds is counted of the rows."""

    lines: int = 0
    rows: int = 0
    rejected: int = 0
    blank: int = 0
    body_bytes_sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    rejected_by_reason: Counter[str] = field(default_factory=Counter)
    hours: list[int] = field(default_factory=lambda: [0] * 24)
    paths: Counter[str] = field(default_factory=Counter)
    addresses: set[int | str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `truth.json` for the day."""
        top = sorted(self.paths.items(), key=lambda entry: (-entry[1], entry[0]))[:_TOP_PATHS]
        return {
            "lines": self.lines,
            "rows": self.rows,
            "rejected": self.rejected,
            "blank": self.blank,
            "body_bytes_sent": self.body_bytes_sent,
            "unique_remote_addr": len(self.addresses),
            "statuses": dict(sorted(self.statuses.items())),
            "methods": dict(sorted(self.methods.items())),
            "rejected_by_reason": dict(sorted(self.rejected_by_reason.items())),
            "hours": self.hours,
            "paths": len(self.paths),
            "top_paths": [{"path": path, "requests": requests} for path, requests in top],
        }
