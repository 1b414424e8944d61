"""Planning a replay of rejected lines: whether it can be done, and what there is to read again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from logline.log_formats import AUTO
from logline.params import ParamError, check_known_params, check_log_format, parse_range
from logline.preflight import check_services
from logline.settings import Settings
from logline.text_table import counted, text_table
from logline.warehouse.queries import Query, fetch_rows

# What empty Params mean.
FIRST_DAY, LAST_DAY = "1970-01-01", "9999-12-31"
# `error_type` of lines whose end is not kept.
TOO_LONG = "line_too_long"


@dataclass(frozen=True)
class ReplayNames:
    """The names of one run: its Dataflow job, that one's `gs://` folder, and the end of the names of its tables."""

    job_name: str
    output: str
    suffix: str


def replay_names(bucket: str, run_id: str) -> ReplayNames:
    """Return the names of a run, all of them functions of its id."""
    run = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    return ReplayNames(f"logline-replay-{run}", f"gs://{bucket}/staging/{run}/replay", run)


def check_params(params: Mapping[str, Any]) -> None:
    """Check what can be checked without a service.

    Raises:
        ParamError: one line that says what to change.
    """
    check_log_format(params["log_format"] or AUTO)
    parse_range(params["start_date"], params["end_date"])
    if params["reason"] == TOO_LONG:
        raise ParamError(f"lines rejected as {TOO_LONG} are not kept to their end: backfill their files again instead")


def candidates_table(candidates: Sequence[Mapping[str, Any]]) -> str:
    """Format what there is to read again as a table with a total."""
    names = ("error_type", "source", "log_format", "lines", "first_day", "last_day")
    rows = [tuple(row[name] for name in names) for row in candidates]
    total = ("total", "", "", sum(row["lines"] for row in candidates), "", "")
    head = ("reason", "source", "read as", "lines", "first rejected", "last rejected")
    return text_table(head, [*rows, total])


def nothing_to_do(lines: int, *, dry_run: bool) -> str | None:
    """Return why a run ends with its plan, as one line; None when it goes on."""
    if not lines:
        return "there is no such line: nothing to do"
    left = "is left as it is" if lines == 1 else "are left as they are"
    return f"dry run: {counted(lines, 'line')} {left}" if dry_run else None


class PlanReplayOperator(BaseOperator):
    """Check the Params and everything they need, and list the lines that would be read again.

    Args:
        query: counts the lines by reason (templated).
    """

    template_fields: Sequence[str] = ("query",)

    def __init__(self, *, settings: Settings, query: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.query = query

    def execute(self, context: Context) -> dict[str, str]:
        """Check and list; return the run's `ReplayNames`.

        Raises:
            AirflowFailException: one line that says what to change. Nothing has been started or written then.
            AirflowException: a service does not answer now.
            AirflowSkipException: there is no such line, or it was a dry run.
        """
        params, dag_run = context["params"], context["dag_run"]
        # The values hold every key of the run's configuration, declared or not.
        check_known_params(dag_run.conf, context["dag"].params)
        check_params(params)
        check_services(self.settings, "replay")
        candidates = fetch_rows(self.settings, self.query)
        lines = sum(row["lines"] for row in candidates)
        self.log.info("Rejected lines that are not replayed yet\n%s", candidates_table(candidates))
        if lines > params["limit"]:
            self.log.warning("Read: %s, those rejected first; see the Param limit", counted(params["limit"], "line"))
        if reason := nothing_to_do(lines, dry_run=params["dry_run"]):
            raise AirflowSkipException(reason)
        return asdict(replay_names(self.settings.temp_bucket, dag_run.run_id))
