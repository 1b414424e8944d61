"""How fresh each table is: what BigQuery knows of it without a query."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from logline.page.warehouse import NothingThereError, Warehouse

# Tables whose age somebody asks for, with what it means that one has changed.
TABLES = {
    "streamed_requests": "the stream has brought lines",
    "backfilled_requests": "a backfill has landed",
    "rejected_streamed": "a line of the stream could not be read",
    "rejected_backfilled": "a line of a file could not be read",
    "requests": "a day was built",
    "daily_summary": "a day was summarised",
    "quality_checks": "a gate has checked",
    "stream_supervision": "somebody looked at the stream",
    "ledger": "a reading was noted down",
}


def freshness(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return each table with when it last changed, its rows and bytes; a table that is not there yet is left out.

    Raises:
        UnavailableError: BigQuery does not answer, or refuses.
        NothingThereError: none of the tables is there.
    """
    found = []
    for table, meaning in TABLES.items():
        try:
            found.append({"table": table, "meaning": meaning, **asdict(warehouse.state(table))})
        except NothingThereError:
            continue
    if not found:
        raise NothingThereError("none of the tables is there")
    return found
