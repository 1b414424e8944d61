"""Planning a backfill: what the run was asked for, whether it can be done, and which units of work it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.providers.google.cloud.triggers.gcs import GCSBlobTrigger
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, TaskDeferralTimeout

from logline.backfill.listing import list_sources
from logline.backfill.siblings import RunEndTrigger, find_siblings
from logline.backfill.sources import DaySource, SourcePattern, common_prefix, day_sources, days_to_read
from logline.backfill.units import BackfillUnit, SourceObject, UnitPlan, described, plan_units, unit_of
from logline.deferral import LooksForItself
from logline.log_formats import AUTO
from logline.params import ParamError, check_known_params, check_log_format
from logline.preflight import check_services
from logline.service_errors import NEVER, TIMEOUT_SECONDS, answering
from logline.settings import Settings
from logline.task_ids import PLAN, REMARK_KEY
from logline.text_table import counted, text_table
from logline.uris import split_uri
from logline.warehouse.queries import Query, fetch_rows

_SHOWN_OBJECTS = 20


@dataclass(frozen=True)
class KnownObject:
    """What the ledger has of an object.

    Attributes:
        known: the newest generation that a run has read or found unreadable; None where Cloud Storage gave no run any.
        landed: the generation whose rows are in the tables; None without any.
    """

    known: int | None
    landed: int | None


class PlanBackfillOperator(LooksForItself):
    """Check what the user asked for and what it needs, list all objects, and pack them into units.

    Where the run may wait for files, the task waits in the triggerer until each day has an object.

    Args:
        ledger: returns what the ledger has of the objects whose address begins with `@prefix` (templated):
            `source_uri`, `known` and `landed`, as `KnownObject` describes them.
    """

    template_fields: Sequence[str] = ("ledger",)

    def __init__(self, *, settings: Settings, ledger: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.ledger = ledger

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Plan, and return every `BackfillUnit` as a JSON object; an empty list for a dry run.

        Raises:
            AirflowFailException: one line that says what to change. Nothing has been started or written then.
            AirflowException: a service does not answer now.
        """
        params = context["params"]
        # What these find has mostly been read: by runs of `arrivals` and `sweep`, by the first one of a backfill.
        new_only = params["new_only"] or context["dag_run"].run_type in ("scheduled", "backfill")
        sources = self._sources(context)
        check_services(self.settings, "backfill")
        found = list_sources(sources)
        known = self._known(sources) if new_only or params["remove_deleted"] else {}
        removed = deleted_objects(sources, found, known) if params["remove_deleted"] else []
        # A day whose files have all been deleted is complete.
        complete = {one.label for one in removed} | {label for label, objects in found.items() if objects}
        missing = [source for source in sources if source.label not in complete]
        if missing:
            self._wait_or_refuse(missing, len(sources), context)
        objects = new_objects(found, known) if new_only else distinct(found.values())
        beside = self._sources_of_siblings(context) if objects else []
        if beside:
            sources = sorted([*sources, *beside], key=lambda source: source.label)
            found |= list_sources(beside)
            in_order = {source.label: found[source.label] for source in sources}
            objects = new_objects(in_order, known | self._known(beside))
        plans = plan_units(
            objects,
            removed,
            unit_bytes=self.settings.unit_gib << 30,
            bucket=self.settings.temp_bucket,
            run_id=context["run_id"],
        )
        self.log.info("What this run reads\n%s", objects_table(sources, plans))
        if removed:
            self.log.info("Gone from the bucket, their rows are removed\n%s", removed_table(removed))
        if params["dry_run"]:
            self.log.info("Dry run: nothing is started")
            return []
        for plan in plans:
            write_list(plan)
        if beside or not plans:
            context["ti"].xcom_push(key=REMARK_KEY, value=remark(plans, len(sources), len(beside)))
        return described(plans)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the trigger has fired, or has not in time."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            return self.execute(context)

    def _sources(self, context: Context) -> list[DaySource]:
        params, dag_run = context["params"], context["dag_run"]
        # The values hold every key of the run's configuration, declared or not.
        check_known_params(dag_run.conf, context["dag"].params)
        check_log_format(params["log_format"] or AUTO)
        pattern = SourcePattern.parse(params["source"])
        days = days_to_read(params["start_date"], params["end_date"], dag_run.logical_date or dag_run.run_after)
        if pattern.dated and self.settings.has_expired(days[0]):
            raise ParamError(
                f"rows of {days[0]} would expire as they land (LOGLINE_LANDING_EXPIRY_DAYS is "
                f"{self.settings.landing_expiry_days}): raise it and run the provision DAG, or read later days"
            )
        return day_sources(pattern, days)

    def _sources_of_siblings(self, context: Context) -> list[DaySource]:
        """Return what other runs of Airflow's own backfill would read; wait where one of them reads for this one."""
        params, dag_run = context["params"], context["dag_run"]
        pattern = SourcePattern.parse(params["source"])
        on_its_own = params["start_date"] or params["end_date"] or params["wait_for_files"] or not pattern.dated
        if dag_run.run_type != "backfill" or dag_run.logical_date is None or on_its_own:
            return []
        siblings = find_siblings(context["ti"], dag_run.logical_date)
        if siblings.first_running is not None:
            at = siblings.first_running.isoformat()
            self.log.info("Waiting for the run of %s, which may read these files too", at)
            self.defer(trigger=RunEndTrigger(at), method_name="execute_complete")
        days = [day for at in siblings.dates if at != dag_run.logical_date for day in days_to_read(None, None, at)]
        return day_sources(pattern, [day for day in days if not self.settings.has_expired(day)])

    def _known(self, sources: Sequence[DaySource]) -> dict[str, KnownObject]:
        rows = fetch_rows(self.settings, self.ledger.with_strings(prefix=common_prefix(sources)))
        return {row["source_uri"]: KnownObject(row["known"], row["landed"]) for row in rows}

    def _wait_or_refuse(self, missing: Sequence[DaySource], of: int, context: Context) -> NoReturn:
        first = missing[0]
        count = f" (none for {len(missing)} of {of} days)" if of > 1 else ""
        dag_run = context["dag_run"]
        if not (context["params"]["wait_for_files"] or dag_run.run_type == "scheduled"):
            raise ParamError(
                f"no object matches {first.uri}{count}: correct source or the dates, or set wait_for_files"
            )
        # A run that is cleared begins anew, a task that is tried again does not.
        begun = dag_run.start_date or datetime.now(UTC)
        left = begun + self.settings.wait_for_files - datetime.now(UTC)
        if left <= timedelta():
            raise AirflowFailException(
                f"no object matches {first.uri} after {self.settings.wait_for_files_hours} h{count}: upload it, "
                "then clear this task"
            )
        self.log.info("Waiting for an object that matches %s%s", first.uri, count)
        self.defer(
            trigger=GCSBlobTrigger(
                bucket=first.bucket,
                object_name=first.glob,
                use_glob=True,
                poke_interval=self.settings.poll_seconds,
                google_cloud_conn_id=GCSHook.default_conn_name,
                hook_params={},
            ),
            timeout=left,
            method_name="execute_complete",
        )


def distinct(listed: Iterable[Sequence[SourceObject]]) -> list[SourceObject]:
    """Return all objects, each once: for the first day whose pattern it matches."""
    objects: dict[str, SourceObject] = {}
    for of_day in listed:
        for one in of_day:
            objects.setdefault(one.uri, one)
    return list(objects.values())


def new_objects(found: Mapping[str, Sequence[SourceObject]], known: Mapping[str, KnownObject]) -> list[SourceObject]:
    """Return the objects of whose generation, or a newer one, no run knows: none has read it or found it unreadable."""
    newest = {uri: of_object.known or 0 for uri, of_object in known.items()}
    return [one for one in distinct(found.values()) if newest.get(one.uri, 0) < one.generation]


def deleted_objects(
    sources: Sequence[DaySource],
    found: Mapping[str, Sequence[SourceObject]],
    known: Mapping[str, KnownObject],
) -> list[SourceObject]:
    """Return the objects whose rows are landed, and which are no longer in the bucket, in the order of the days."""
    present = {one.uri for objects in found.values() for one in objects}
    gone = {uri: of.landed for uri, of in known.items() if uri not in present and of.landed is not None}
    removed = {
        uri: SourceObject(source.label, uri, generation, 0)
        for source in reversed(sources)
        for uri, generation in gone.items()
        if source.matches(uri)
    }
    return sorted(removed.values(), key=lambda one: (one.label, one.uri))


def objects_table(sources: Sequence[DaySource], plans: Sequence[UnitPlan]) -> str:
    """Format what is read of each day, and by which units, as a table with a total."""
    by_day: dict[str, list[tuple[int, int]]] = {source.label: [] for source in sources}
    for number, plan in enumerate(plans, start=1):
        for one in () if plan.unit.removes else plan.objects:
            by_day[one.label].append((number, one.size))
    rows = []
    for source in sources:
        units = sorted({number for number, _ in by_day[source.label]})
        named = "-".join(str(number) for number in dict.fromkeys((units[0], units[-1]))) if units else None
        size = sum(size for _, size in by_day[source.label])
        rows.append((source.label, source.uri, len(by_day[source.label]), size, named))
    in_all = counted(sum(not plan.unit.removes for plan in plans), "unit")
    total = ("total", "", sum(row[2] for row in rows), sum(row[3] for row in rows), in_all)
    return text_table(("day", "source", "objects", "bytes", "unit"), [*rows, total])


def removed_table(removed: Sequence[SourceObject]) -> str:
    """Format the first objects whose rows are removed, with the number of all."""
    rows = [(one.label, one.uri) for one in removed[:_SHOWN_OBJECTS]]
    return text_table(("day", "object"), [*rows, ("total", counted(len(removed), "object"))])


def remark(plans: Sequence[UnitPlan], days: int, for_others: int) -> str:
    """Return what the note of a run says of its plan: it reads nothing, or also what other runs would read."""
    if not plans:
        return "Every file had been read before."
    objects = sum(plan.unit.objects for plan in plans)
    others = f"{for_others} of them for other runs of this backfill"
    return f"Reads {counted(objects, 'file')} of {counted(days, 'day')}, {others}."


def write_list(plan: UnitPlan) -> None:
    """Write the list of a unit's objects into the bucket."""
    bucket, name = split_uri(plan.unit.list_uri)
    with answering("Cloud Storage", refused=f"{plan.unit.list_uri} cannot be written"):
        blob = GCSHook().get_conn().bucket(bucket).blob(name)
        blob.upload_from_string(plan.text(), "application/jsonl", retry=NEVER, timeout=TIMEOUT_SECONDS)


def planned_unit(ti: Any) -> BackfillUnit:
    """Return the unit of a mapped task, for its templates."""
    return unit_of(ti.xcom_pull(task_ids=PLAN), ti.map_index)
