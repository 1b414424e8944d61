"""Kinds of settings that every statement is rendered with: together they take every branch of every template."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from logline.summaries.portions import ChangedDay, Portion

_DAYS = [
    ChangedDay(day, "files were read", 1, is_replayed=True, since="2015-05-16 00:00:00+00", built_at=None)
    for day in ("2015-05-17", "2015-05-18")
]


@dataclass(frozen=True)
class Kind:
    """Settings of an installation, and Params of the runs there.

    Attributes:
        name: what to call it.
        environment: variables of the installation.
        params: what a run sets beyond the defaults, by DAG.
        portion: days that daily_summary builds.
        wanted: days that somebody has asked it for, as SQL.
    """

    name: str
    environment: Mapping[str, str]
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    portion: Portion = field(default_factory=lambda: Portion(tuple(_DAYS)))
    wanted: Sequence[str] = ()

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Make these the settings of this process, and its only ones."""
        others = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LOGLINE_", "GOOGLE_CLOUD_")) and "EMULATOR" not in name
        }
        with patch.dict(os.environ, {**others, **self.environment}, clear=True):
            yield


_REQUIRED = {"GOOGLE_CLOUD_PROJECT": "logline-test", "LOGLINE_BUCKET": "logline-test"}

KINDS = (
    Kind("only what is required", _REQUIRED),
    Kind(
        "a local stack",
        {
            "GOOGLE_CLOUD_PROJECT": "logline-local",
            "LOGLINE_BUCKET": "logline-local",
            "LOGLINE_DATASET": "logline",
            "LOGLINE_POLL_SECONDS": "1",
            "BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:9050",
            "DATAFLOW_EMULATOR_HOST": "http://127.0.0.1:9060",
        },
        portion=Portion(
            tuple(replace(day, built_at="2015-05-19 01:00:00.000000+00") for day in _DAYS),
            streamed=("2015-05-17",),
            numbered=("2015-05-17",),
            unknown=("2015-05-16",),
        ),
        wanted=["DATE '2015-05-17'"],
    ),
    Kind(
        "rows expire, lines are anonymised, other names",
        {
            **_REQUIRED,
            "LOGLINE_DATASET": "weblogs",
            "LOGLINE_STAGING_DATASET": "weblogs_tmp",
            "LOGLINE_LANDING_EXPIRY_DAYS": "400",
            "LOGLINE_OWN_HOSTS": "example.org,shop.example.org",
            "LOGLINE_OBJECTIVES": "99.9 95 500, shop.example.org 99.95 99 300",
            "LOGLINE_LATE_DAYS": "7",
            "LOGLINE_MAX_FRESHNESS_MINUTES": "30",
            "LOGLINE_MAX_REJECTED_PERCENT": "1",
            "LOGLINE_STREAM_LOG_FORMAT": '%h %l %u %t "%r" %>s %b',
            "LOGLINE_ANONYMISE": "hash",
            "LOGLINE_ANONYMISE_KEY_FILE": "gs://keys/anonymise",
            "LOGLINE_REDACT_QUERY_SECRETS": "yes",
            "LOGLINE_RUNBOOKS": "https://wiki.example.com/logline",
        },
        {
            "log_backfill": {"allow_empty": True, "max_rejected_percent": 12.5},
            "dead_letter_replay": {
                "start_date": "2015-05-17",
                "end_date": "2015-05-20",
                "reason": "bad_timestamp",
                "log_format": "combined",
                "limit": 1,
            },
        },
    ),
)
