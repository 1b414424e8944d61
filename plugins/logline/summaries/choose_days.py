"""Which days a run of `daily_summary` builds: those that have changed, or those it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from logline.params import ParamError, check_known_params, days_in_range, parse_day
from logline.preflight import check_bigquery
from logline.settings import Settings
from logline.summaries.portions import ChangedDay, literals
from logline.text_table import counted, text_table
from logline.warehouse.queries import Query, fetch_rows


class ChangedDaysOperator(BaseOperator):
    """An operator that asks for the days to build, which it may do again: its queries are rendered when they are run.

    Args:
        changed: `request_builds/changed.sql` (templated).
    """

    template_fields: Sequence[str] = ("changed",)

    def __init__(self, *, settings: Settings, changed: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.changed = changed

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Leave the queries for the time when their days are known."""

    def rendered(self, template: Any, context: Context, **values: Any) -> Any:
        """Return a query or a gate for some days."""
        names: Any = dict(context)
        return self.render_template(template, names | values)

    def changed_days(self, context: Context) -> list[ChangedDay]:
        """Return the days that are to be built now."""
        run = context["dag_run"]
        values = {
            "wanted": literals(day.isoformat() for day in wanted_days(context)),
            "began": f"TIMESTAMP '{(run.start_date or run.run_after).isoformat(sep=' ')}'",
        }
        query = self.rendered(self.changed, context, **values)
        return [ChangedDay(**row) for row in fetch_rows(self.settings, query)]


class ChooseDaysOperator(ChangedDaysOperator):
    """Choose the days to build; where there are none, skip what follows."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the days.

        Raises:
            AirflowFailException: no valid days, an unknown parameter, expired rows, or a dataset is missing.
            AirflowException: BigQuery does not answer now.
            AirflowSkipException: no day has changed.
        """
        check_known_params(context["dag_run"].conf, self.dag.params)
        for day in wanted_days(context):
            if self.settings.has_expired(day):
                raise ParamError(
                    f"the landing tables hold no rows of {day} any more (LOGLINE_LANDING_EXPIRY_DAYS is "
                    f"{self.settings.landing_expiry_days}): the tables made from them are left as they are"
                )
        check_bigquery(self.settings)
        days = self.changed_days(context)
        if not days:
            raise AirflowSkipException("No day has changed since it was summarised")
        rows = [(day.day, day.reason, day.landed) for day in days]
        self.log.info("%s to build\n%s", counted(len(days), "day"), text_table(("day", "why", "landed rows"), rows))
        return [asdict(day) for day in days]


def wanted_days(context: Context) -> list[date]:
    """Return the days that the Params ask for; none: whichever have changed.

    Raises:
        ParamError: a day that is none, or days that contradict each other.
    """
    day, start, end = (context["params"].get(name) for name in ("day", "start_date", "end_date"))
    if day is None:
        return days_in_range(start, end)
    if start is not None or end is not None:
        raise ParamError("give either day, or start_date and end_date")
    return [parse_day("day", day)]
