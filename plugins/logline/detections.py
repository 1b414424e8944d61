"""Detections: what to look for in requests, as data files below `dags/sql/detections`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from airflow.sdk import yaml
from pydantic import BaseModel, ConfigDict, Field

FieldName = Literal["path", "target", "query", "raw_target", "user_agent", "referer", "any"]

FIELDS: tuple[FieldName, ...] = ("path", "target", "query", "raw_target", "user_agent", "referer")
"""What patterns are matched with, as `sql/findings/daily_detections/requests.sql` makes it of a request."""

_ANY = ("target", "user_agent", "referer")


class Example(BaseModel):
    """A request that a detection finds, or one that it must not find."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = "GET"
    path: str
    query: str | None = None
    status: int = 404
    referer: str | None = None
    user_agent: str | None = None


class Threshold(BaseModel):
    """How much one address must do before its requests count.

    Attributes:
        requests: at least as many requests.
        paths: of at least as many distinct paths.
        per: within an hour of the clock, or a day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: int
    paths: int = 1
    per: Literal["hour", "day"]


class Detection(BaseModel):
    """What to look for: a request has to meet all of methods, statuses and patterns that are given.

    Attributes:
        id: its name in `daily_detections`.
        title: what it finds.
        severity: how bad it is.
        tags: of OWASP's Top 10, MITRE ATT&CK and CWE.
        sources: where more is said of it.
        patterns: regular expressions of RE2 by field, of which one has to be found; `any`: in any of target, user agent
            and referer.
        methods: HTTP methods.
        statuses: statuses, such as `404`, and hundreds of them, such as `4xx`.
        threshold: below which nothing is found.
        examples: requests that it finds.
        counter_examples: requests of normal traffic that it must not find.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    severity: Literal["low", "medium", "high", "critical"]
    tags: tuple[str, ...] = Field(min_length=1)
    sources: tuple[str, ...] = Field(min_length=1)
    patterns: dict[FieldName, tuple[str, ...]] = Field(default_factory=dict)
    methods: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    threshold: Threshold | None = None
    examples: tuple[Example, ...] = Field(min_length=1)
    counter_examples: tuple[Example, ...] = Field(min_length=1)

    @property
    def by_field(self) -> dict[str, str]:
        """Return one regular expression for each field that is looked at, as a raw string of SQL can hold it."""
        found: dict[str, str] = {
            field: "|".join((*self.patterns.get(field, ()), *(self.patterns.get("any", ()) if field in _ANY else ())))
            for field in FIELDS
        }
        return {field: pattern.replace("'", r"\x27") for field, pattern in found.items() if pattern}


def load_detections(folder: Path) -> list[Detection]:
    """Return the detections of all files of a folder, in the order of their ids.

    Raises:
        pydantic.ValidationError: an entry is not a detection.
    """
    entries = (entry for path in sorted(folder.glob("*.yaml")) for entry in yaml.safe_load(path.read_text("utf-8")))
    return sorted((Detection(**entry) for entry in entries), key=lambda detection: detection.id)


def patterns_by_field(detections: Sequence[Detection]) -> dict[str, str]:
    """Return by field one regular expression that finds what any of the detections looks for there."""
    found: dict[str, list[str]] = {}
    for detection in detections:
        for field, pattern in detection.by_field.items():
            found.setdefault(field, []).append(pattern)
    return {field: "|".join(patterns) for field, patterns in found.items()}
