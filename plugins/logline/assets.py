"""The data other DAGs wait for."""

from __future__ import annotations

from airflow.sdk import Asset

# One partition per day (YYYY-MM-DD): emitted when a backfill has changed the rows of that day, and when late
# lines of the stream ask for it to be rebuilt.
BACKFILLED_REQUESTS = Asset("logline://backfilled_requests")
