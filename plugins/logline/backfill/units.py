"""Backfill units: the objects of all days, packed so that each unit is one Dataflow job and one transaction.

A small run is one unit, a year of small files one or two. The list of a unit's objects is an object in the bucket, so
that its description stays small, whatever it holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

# https://cloud.google.com/bigquery/quotas#load_jobs counts files; a job writes about one of each kind for an object.
MAX_OBJECTS = 10_000
# So that their names fit into a parameter of a query: https://cloud.google.com/bigquery/quotas#query_jobs
MAX_REMOVED = 5_000


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One generation of an object.

    Attributes:
        label: the day whose pattern it matches, or `all`.
        uri: `gs://bucket/name`.
        generation: which content of the object.
        size: in bytes, as it is stored.
    """

    label: str
    uri: str
    generation: int
    size: int

    def line(self) -> str:
        """Return it as a line of a list of objects."""
        return json.dumps({"uri": self.uri, "generation": self.generation, "size": self.size})


@dataclass(frozen=True)
class BackfillUnit:
    """What one mapped task group of a run works on.

    All names are functions of the run and the unit's list. A task that is tried again finds what it left, and a new
    plan of the same run that lists other objects adopts nothing of the plan before.

    Attributes:
        label: its days, `YYYY-MM-DD` or `YYYY-MM-DD-to-YYYY-MM-DD`, and which unit it is of several.
        output: `gs://` folder of the list `objects.jsonl`, and of what the job writes.
        job_name: of the Dataflow job, so that Dataflow refuses a second one while the first is active.
        suffix: ends the names of the staging tables.
        objects: how many there are.
        size: their bytes.
        removes: whether the objects are gone, and their rows are to be removed.
    """

    label: str
    output: str
    job_name: str
    suffix: str
    objects: int
    size: int
    removes: bool

    @property
    def list_uri(self) -> str:
        """Return where the list of objects is."""
        return f"{self.output}/objects.jsonl"


@dataclass(frozen=True)
class UnitPlan:
    """A unit, and the objects on its list."""

    unit: BackfillUnit
    objects: Sequence[SourceObject]

    def text(self) -> str:
        """Return the list as it is stored."""
        return _text(self.objects)


def plan_units(
    objects: Iterable[SourceObject],
    removed: Iterable[SourceObject],
    *,
    unit_bytes: int,
    bucket: str,
    run_id: str,
) -> list[UnitPlan]:
    """Pack objects into units, in their order; those whose rows are to be removed into units of their own.

    Args:
        objects: to read.
        removed: that are gone, with the generation whose rows are landed.
        unit_bytes: the most that a unit reads; a larger object is a unit by itself.
        bucket: takes lists and staging files.
        run_id: the run.
    """
    packed = [(part, False) for part in _packed(objects, MAX_OBJECTS, unit_bytes)]
    packed += [(part, True) for part in _packed(removed, MAX_REMOVED, unit_bytes)]
    plans = []
    for number, (part, removes) in enumerate(packed, start=1):
        days = _span([one.label for one in part])
        label = days if len(packed) == 1 else f"{days}-{number}-of-{len(packed)}"
        run, digest = _digest(run_id), _digest(f"{run_id} {label} {removes} {_text(part)}")
        unit = BackfillUnit(
            label=label,
            output=f"gs://{bucket}/staging/{run}/{label}-{digest}",
            job_name=f"logline-backfill-{label}-{digest}",
            suffix=f"{label.replace('-', '_')}_{digest}",
            objects=len(part),
            size=sum(one.size for one in part),
            removes=removes,
        )
        plans.append(UnitPlan(unit, part))
    return plans


def described(plans: Iterable[UnitPlan]) -> list[dict[str, Any]]:
    """Return the units as JSON objects, for an XCom."""
    return [asdict(plan.unit) for plan in plans]


def unit_of(units: Sequence[Mapping[str, Any]], map_index: int) -> BackfillUnit:
    """Return the unit of a mapped task."""
    return BackfillUnit(**units[map_index])


def _packed(objects: Iterable[SourceObject], most: int, most_bytes: int) -> Iterator[list[SourceObject]]:
    part: list[SourceObject] = []
    size = 0
    for one in objects:
        if part and (len(part) == most or size + one.size > most_bytes):
            yield part
            part, size = [], 0
        part.append(one)
        size += one.size
    if part:
        yield part


def _span(labels: Sequence[str]) -> str:
    first, last = min(labels), max(labels)
    return first if first == last else f"{first}-to-{last}"


def _text(objects: Iterable[SourceObject]) -> str:
    return "".join(f"{one.line()}\n" for one in objects)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
