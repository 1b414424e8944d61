"""Print the analyzer's list: scripts, their statements with each kind of settings, complaints: `make analyze`."""

from __future__ import annotations

import logging
import sys

from tests.sql.analyzer.report import analysed
from tests.sql.analyzer.settings import KINDS

logging.disable()


def main() -> int:
    """Analyse everything; return 1 if there is a complaint or a branch that no kind of settings renders."""
    report = analysed()
    kinds = [kind.name for kind in KINDS]
    print("Statements with each kind of settings: " + "; ".join(f"{n} {kind}" for n, kind in enumerate(kinds, 1)))
    for script, counts in sorted(report.statements.items()):
        shown = [counts.get(kind, 0) for kind in kinds] if "documents" not in counts else [counts["documents"]]
        print(f"  {script:60} " + " ".join(f"{count:>4}" for count in shown))
    total = sum(sum(counts.values()) for counts in report.statements.values())
    missing = report.trace.not_taken()
    print(f"{len(report.statements)} scripts, {total} statements, {len(report.complaints)} complaints")
    print(f"{len(report.trace.branches)} branches of {len(report.trace.files)} templates, {len(missing)} not rendered")
    for line in (*report.complaints, *missing):
        print(f"  {line}")
    return 1 if report.complaints or missing else 0


if __name__ == "__main__":
    sys.exit(main())
