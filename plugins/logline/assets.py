"""The data other DAGs wait for."""

from __future__ import annotations

from airflow.sdk import Asset

# One partition per day (YYYY-MM-DD): emitted when the rows of that day in backfilled_requests have changed.
BACKFILLED_REQUESTS = Asset("logline://backfilled_requests")
