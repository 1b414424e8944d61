"""The tasks of a unit: parse, load, land and report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from logline.backfill.plan import planned_unit
from logline.backfill.slots import SlotTrigger, units_at_work
from logline.dataflow.operators import RunFlexTemplateOperator
from logline.labels import job_labels
from logline.links import LoglinePageLink
from logline.settings import Settings
from logline.text_table import counted
from logline.uris import split_uri
from logline.warehouse.checks import Gate
from logline.warehouse.copies import copy_once
from logline.warehouse.ledger import ReportLedgerOperator
from logline.warehouse.load import LoadManifestFilesOperator
from logline.warehouse.queries import Query, fetch_rows

_NAMED = 3


class ParseUnitOperator(RunFlexTemplateOperator):
    """Wait for a slot, then parse the unit's objects; there is nothing to parse of objects that are gone.

    Args:
        last_task_id: the task whose end frees the slot of a unit.
        slots: how many units of a run may be at work (templated).
    """

    template_fields: Sequence[str] = ("slots", *RunFlexTemplateOperator.template_fields)

    def __init__(self, *, last_task_id: str, slots: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.last_task_id = last_task_id
        self.slots = slots

    def execute(self, context: Context) -> str:
        """Return the id of the job that is done; an empty one without a job."""
        self._take_slot(context)
        if planned_unit(context["ti"]).removes:
            self.log.info("These objects are gone: there is nothing to parse")
            return ""
        return super().execute(context)

    def execute_in_slot(self, context: Context, event: Mapping[str, Any]) -> str:
        """Begin: there is a slot now."""
        self.log.info("A slot is free: %s", event["message"])
        return self.execute(context)

    def _take_slot(self, context: Context) -> None:
        ti, slots = context["ti"], int(self.slots)
        map_index = ti.map_index or 0
        if map_index < slots:
            return
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[self.last_task_id], run_ids=[ti.run_id])
        at_work = units_at_work(states.get(ti.run_id, {}), self.last_task_id, map_index)
        if at_work < slots:
            return
        self.log.info("Waiting for a slot: %s at work, at most %d", counted(at_work, "earlier unit"), slots)
        self.defer(
            trigger=SlotTrigger(
                ti.dag_id, ti.run_id, self.last_task_id, map_index, slots, poll_sleep=self.settings.poll_seconds
            ),
            method_name="execute_in_slot",
        )


class LoadUnitOperator(LoadManifestFilesOperator):
    """Load what the unit's job has written; of objects that are gone, stage that nothing is left of them.

    Args:
        no_rows: stages tables without rows (templated).
        removed: stages the ledger of the objects that are gone, given `@objects`, a JSON array of `uri` and
            `generation` (templated).
    """

    template_fields: Sequence[str] = ("no_rows", "removed", *LoadManifestFilesOperator.template_fields)

    def __init__(self, *, no_rows: Query, removed: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.no_rows = no_rows
        self.removed = removed

    def execute(self, context: Context) -> None:
        """Load or stage."""
        unit = planned_unit(context["ti"])
        if not unit.removes:
            super().execute(context)
            return
        bucket, name = split_uri(unit.list_uri)
        lines = GCSHook().download(bucket_name=bucket, object_name=name).splitlines()
        objects = json.dumps([json.loads(line) for line in lines])
        fetch_rows(self.settings, self.no_rows)
        fetch_rows(self.settings, self.removed.with_strings(objects=objects))


class LandUnitOperator(ReportLedgerOperator):
    """Check what is staged, land it in one transaction, and report the ledger of what has landed.

    A copy job brings the rows before the transaction, by which they begin to count. Where there is no copy, the
    transaction inserts them.

    Args:
        gate: what must hold before anything is changed (templated).
        to_copy: returns how many rows there are `to_copy` (templated).
        begin_copy: notes what is about to be copied (templated).
        give_up_copy: notes that nothing of it counts (templated).
        landing: the transaction (templated).
        staged: name of the staging table with the rows (templated).
        into: the table that they land in.
        day: the day the copy works on, as a label (templated).
    """

    template_fields: Sequence[str] = (
        *("gate", "to_copy", "begin_copy", "give_up_copy", "landing", "staged", "job_labels"),
        *ReportLedgerOperator.template_fields,
    )

    def __init__(
        self,
        *,
        gate: Gate,
        to_copy: Query,
        begin_copy: Query,
        give_up_copy: Query,
        landing: Query,
        staged: str,
        into: str,
        day: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.gate = gate
        self.to_copy = to_copy
        self.begin_copy = begin_copy
        self.give_up_copy = give_up_copy
        self.landing = landing
        self.staged = staged
        self.into = into
        self.job_labels = job_labels(day)

    def execute(self, context: Context) -> Any:
        """Check, land and report.

        Raises:
            AirflowFailException: one line with every failed check and its counts. Nothing was changed then.
        """
        fault = self.gate.fault(self.settings, context)
        if fault:
            raise AirflowFailException(fault)
        self._copy()
        fetch_rows(self.settings, self.landing)
        return super().execute(context)

    def _copy(self) -> None:
        """Copy the staged rows, unless there are none or they have landed before."""
        (row,) = fetch_rows(self.settings, self.to_copy)
        if row["to_copy"]:
            fetch_rows(self.settings, self.begin_copy)
            if not copy_once(self.settings, self.staged, self.into, rows=row["to_copy"], labels=self.job_labels):
                fetch_rows(self.settings, self.give_up_copy)


class ReportUnreadableOperator(BaseOperator):
    """End the run as failed when objects could not be read; all others have landed.

    Args:
        query: returns these objects: `source_uri` and `error_message` (templated).
    """

    operator_extra_links = (LoglinePageLink(),)
    template_fields: Sequence[str] = ("query",)

    def __init__(self, *, settings: Settings, query: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.query = query

    def execute(self, context: Context) -> None:
        """Report.

        Raises:
            AirflowFailException: one line with the number of the objects and why the first ones could not be read.
        """
        unreadable = fetch_rows(self.settings, self.query)
        for row in unreadable:
            self.log.warning("%s: %s", row["source_uri"], row["error_message"])
        if unreadable:
            raise AirflowFailException(unreadable_line(unreadable, planned_unit(context["ti"]).objects))
        self.log.info("Every object was read")


def unreadable_line(unreadable: Sequence[Mapping[str, Any]], of: int) -> str:
    """Name objects that could not be read, as one line."""
    shown = "; ".join(f"{row['source_uri']}: {row['error_message']}" for row in unreadable[:_NAMED])
    more = (
        f"; and {counted(len(unreadable) - _NAMED, 'more object')}, see the ledger" if len(unreadable) > _NAMED else ""
    )
    others = "; the others have landed" if len(unreadable) < of else ""
    return f"{len(unreadable):,} of {counted(of, 'object')} could not be read{others}: {shown}{more}"
