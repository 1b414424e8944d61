"""Telling people of what was unusual: one alert for each day, host and measure, told once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from logline.alerts import SERVER_ERRORS, SILENT_HOST, SLOW_ANSWERS, UNUSUAL_REQUESTS, notifiers, tell, with_runbook
from logline.settings import Settings
from logline.text_table import counted
from logline.warehouse.queries import Query, fetch_rows

RUNBOOKS = {
    "requests": UNUSUAL_REQUESTS,
    "server_error_share": SERVER_ERRORS,
    "p95_duration_ms": SLOW_ANSWERS,
    "silence": SILENT_HOST,
}
"""Headings of docs/operations.md by the measures of the table `anomalies`."""

# What a run tells one by one: where everything is unusual, one look at the table tells more.
MOST_ALERTS = 10


class TellAnomaliesOperator(BaseOperator):
    """Raise the alerts of anomalies that nobody was told of.

    A kill between telling and noting down makes a retry tell them again: twice is better than never.

    Args:
        untold: `anomaly_alerts/untold.sql` (templated): `day`, `host`, `measure` and `sentence`.
        told: `anomaly_alerts/told.sql` (templated), which notes down the rows of parameter `@told`, their JSON.
    """

    template_fields: Sequence[str] = ("untold", "told")

    def __init__(self, *, settings: Settings, untold: Query, told: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.untold = untold
        self.told = told

    def execute(self, context: Context) -> int:
        """Tell, note down, and return how many anomalies there were."""
        rows = fetch_rows(self.settings, self.untold)
        if not rows:
            self.log.info("Nothing unusual that has not been told before")
            return 0
        told = notifiers(self.settings)
        for line in alert_lines(rows, self.settings):
            tell(told, line, dict(context))
        fetch_rows(self.settings, self.told.with_strings(told=json.dumps(rows)))
        return len(rows)


def alert_lines(rows: Sequence[dict[str, Any]], settings: Settings) -> list[str]:
    """Return one line for each anomaly, with its day and runbook, or for the first ones and how many more there are."""
    lines = [
        with_runbook(f"{row['day']}: {row['sentence']}", settings, RUNBOOKS[row["measure"]])
        for row in rows[:MOST_ALERTS]
    ]
    if more := len(rows) - len(lines):
        line = f"{counted(more, 'more alert')} of hosts and measures: the table anomalies has them"
        lines.append(with_runbook(line, settings, RUNBOOKS[rows[-1]["measure"]]))
    return lines
