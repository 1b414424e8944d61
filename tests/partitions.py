"""Reading whole tables, of which some want a filter on their partitions."""

FILTERED = ("requests", "backfilled_requests", "streamed_requests")


def every_row(table: str) -> str:
    """Return a condition that all rows of a table meet, with the filter that the table may want."""
    return "log_date >= '1970-01-01'" if table in FILTERED else "TRUE"
