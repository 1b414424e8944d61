"""Quality gates: checks of tables before and after they change, their results kept in `quality_checks`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from logline.dataflow.manifest import read_manifest
from logline.settings import Settings
from logline.text_table import counted, text_table
from logline.warehouse.queries import Query, fetch_rows

log = logging.getLogger(__name__)


class Gate(NamedTuple):
    """Checks, and where their results are kept; Airflow renders it like a `Query`.

    Attributes:
        checks: returns one row for each check: `check_name`, `level` (`fail` or `warn`), `passed`, `expected`, `actual`
            and `message`; of several days also `day`.
        record: keeps the results in `quality_checks`.
    """

    checks: Query
    record: Query

    @classmethod
    def of(
        cls,
        name: str,
        *,
        day: str,
        before: str = "",
        parameters: Sequence[tuple[str, str, str]] = (),
        file: str = "checks.sql",
    ) -> Gate:
        """Make the gate of a folder below `dags/sql`.

        Args:
            name: the folder; the results are filed under it.
            day: the day that is checked (templated); anything else is kept as NULL.
            before: Jinja that sets what the checks need.
            parameters: query parameters of the checks.
            file: the file with the checks.
        """
        record = Query("{% include 'sql/quality_checks/record.sql' %}", day).with_strings(gate=name, day=day)
        return cls(Query(f"{before}{{% include 'sql/{name}/{file}' %}}", day, parameters), record)

    def run(self, settings: Settings, context: Context) -> list[dict[str, Any]]:
        """Run the checks, log their rows, keep them in `quality_checks`, and return them."""
        results = fetch_rows(settings, self.checks)
        ti = context["ti"]
        task = {name: getattr(ti, name) for name in ("dag_id", "task_id", "run_id", "map_index", "try_number")}
        record = self.record.with_strings(task=json.dumps(task), results=json.dumps(results, default=float))
        fetch_rows(settings, record)
        log_checks(results)
        return results

    def require(self, settings: Settings, context: Context) -> None:
        """Run the checks, as `run` does.

        Raises:
            AirflowFailException: one line with every failed check and its counts.
        """
        fault = failed_checks(self.run(settings, context))
        if fault:
            raise AirflowFailException(f"{self.checks.day}: {fault}")


class RunChecksOperator(BaseOperator):
    """Run a gate and fail when a check of level `fail` did not pass.

    Args:
        manifest: `gs://` URI (templated) of a manifest to hand to the checks as parameter `@manifest`, its JSON.
    """

    template_fields: Sequence[str] = ("gate", "manifest")

    def __init__(self, *, settings: Settings, gate: Gate, manifest: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.gate = gate
        self.manifest = manifest

    def execute(self, context: Context) -> None:
        """Run the checks.

        Raises:
            AirflowFailException: one line with every failed check and its counts.
        """
        gate = self.gate
        if self.manifest is not None:
            gate = gate._replace(checks=gate.checks.with_strings(manifest=read_manifest(self.manifest).text))
        gate.require(self.settings, context)


def log_checks(checks: Sequence[dict[str, Any]]) -> None:
    """Log checks as a table; of more than one day only those that did not pass."""
    days = {check.get("day") for check in checks}
    shown = checks if len(days) <= 1 else [check for check in checks if not check["passed"]]
    names = ("check_name", "expected", "actual", "message", *(["day"] if len(days) > 1 else []))
    header = ("", "check", "expected", "actual", "", *(["day"] if len(days) > 1 else []))
    table = text_table(header, [(_verdict(check), *(check[name] for name in names)) for check in shown])
    log.info("Checks: %d of %d passed\n%s", sum(check["passed"] for check in checks), len(checks), table)


def failed_checks(checks: Sequence[dict[str, Any]]) -> str | None:
    """Return one line about the checks of level `fail` that did not pass; None when all did."""
    failed = [check for check in checks if _verdict(check) == "FAIL"]
    if not failed:
        return None
    faults = "; ".join(
        f"{check['check_name']}: expected {check['expected']:,}, found {check['actual']:,} ({check['message']})"
        for check in failed
    )
    return f"{len(failed)} of {counted(len(checks), 'check')} failed: {faults}"


def days_at_fault(checks: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return by `day` one line about the checks of level `fail` that did not pass there."""
    of_days: dict[str, list[dict[str, Any]]] = {}
    for check in checks:
        of_days.setdefault(check["day"], []).append(check)
    faults = {day: failed_checks(of_day) for day, of_day in of_days.items()}
    return {day: f"{day}: {fault}" for day, fault in faults.items() if fault}


def _verdict(check: dict[str, Any]) -> str:
    if check["passed"]:
        return "ok"
    return "warn" if check["level"] == "warn" else "FAIL"
