"""Compare all areas and write docs/googlesql.md, or compare some of them.

``python -m tests.integration.emulators.googlesql times --most 20``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from local_stack.running import running_stack
from tests.integration.emulators.googlesql.compared import AREAS, Compared, Expected, as_expected, compared_area
from tests.integration.emulators.googlesql.local import LocalBigQuery
from tests.integration.emulators.googlesql.page import page

_PAGE = Path(__file__).parents[4] / "docs" / "googlesql.md"


def main() -> None:
    """Read the command line, compare, and exit non-zero where something is not as its area's file says."""
    parser = argparse.ArgumentParser(description="The local BigQuery beside Google's reference implementation")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)} (default: all, for the page)")
    parser.add_argument("--most", type=int, default=20, help="expressions of a template (default: 20)")
    parser.add_argument("--only", default="", help="templates with this text")
    parser.add_argument("--url", help="of a local BigQuery that runs (default: one is started)")
    options = parser.parse_args()
    if options.url:
        found = _found(LocalBigQuery(options.url, "p"), options)
    else:
        with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), airflow=False) as stack:
            found = _found(LocalBigQuery(stack.config.url("bigquery"), stack.config.project), options)
    if not (options.areas or options.only):
        _PAGE.write_text(page(found, options.most), encoding="utf-8")
    if any(not as_expected(expected, one) for by_name in found.values() for expected, one in by_name):
        sys.exit(1)


def _found(local: LocalBigQuery, options: argparse.Namespace) -> dict[str, list[tuple[Expected, Compared]]]:
    return {name: list(_seen(name, local, options)) for name in options.areas or AREAS}


def _seen(name: str, local: LocalBigQuery, options: argparse.Namespace) -> Iterator[tuple[Expected, Compared]]:
    counts: Counter[str] = Counter()
    for expected, one in compared_area(local, name, options.most, options.only):
        counts[one.verdict] += 1
        if not as_expected(expected, one):
            print(f"{expected}: {one}")
        yield expected, one
    print(f"{name}: {', '.join(f'{count:,} {verdict}' for verdict, count in counts.most_common())}", file=sys.stderr)


if __name__ == "__main__":
    main()
