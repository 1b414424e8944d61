"""A throw-away dataset on the BigQuery emulator: tables from dags/sql, rows from test cases."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml
from google.cloud import bigquery
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from logline.detections import load_detections, patterns_by_field
from logline.summaries.portions import ChangedDay, Portion
from tests.partitions import every_row

DAGS = Path(__file__).parents[2] / "dags"
CASES = Path(__file__).parent / "cases"
TABLES = sorted(path.parent.name for path in DAGS.glob("sql/**/schema.sql"))
DAILY_TABLES = sorted(path.parent.name for path in DAGS.glob("sql/daily/*/query.sql"))
FINDINGS = sorted(path.parent.name for path in DAGS.glob("sql/findings/*/query.sql"))
VIEWS = sorted(path.parent.name for path in DAGS.glob("sql/*/view.sql"))
SUFFIX = "20150517_0badcafe"
STAGED = {
    "rows": "backfilled_requests",
    "rejected": "rejected_backfilled",
    "ledger": "ledger",
    "ledger_days": "ledger_days",
    "replay_lines": "rejected_backfilled",
    "replayed": "backfilled_requests",
}
DAY = "2015-05-17"

SETTINGS = {
    "run_id": "run-1",
    "late_days": 30,
    "late_requests": 1000,
    "landing_expiry_days": None,
    "max_rejected_percent": 25,
    "unread_hours": 2,
    "daily_tables": DAILY_TABLES,
    "own_hosts": ["semicomplete.com"],
    "findings": FINDINGS,
    "alert_days": 3,
    "objectives": {"": ("99.9", "95", "500"), "shop.example": ("99", "90", "300")},
    "detections": load_detections(DAGS / "sql" / "detections"),
    "patterns_by_field": patterns_by_field,
    "wanted": [],
    "began": "TIMESTAMP '1970-01-01 00:00:00+00'",
}
_NUMBERS = itertools.count(1)
# An event_id of a file ends in the offset of its line.
_OFFSET = re.compile(r":(\d+)$")

REQUEST = {
    "log_date": DAY,
    "timestamp": f"{DAY} 10:05:03+00",
    "remote_addr": "83.149.9.216",
    "method": "GET",
    "path": "/",
    "protocol": "HTTP/1.1",
    "status": 200,
    "body_bytes_sent": 100,
    "user_agent": "Mozilla/5.0",
    "is_bot": False,
    "parser_version": "1",
    "ingested_at": "2015-05-18 00:00:00+00",
}
REJECTED = {"error_type": "format", "parser_version": "1", "ingested_at": "2015-05-18 00:00:00+00"}
BACKFILLED = REQUEST | {"source": "backfill", "source_uri": "gs://logs/a.log"}
LEDGER = {
    "run_id": "run-1",
    "source": "backfill",
    "source_uri": "gs://logs/a.log",
    "generation": 1,
    "log_format": "combined",
    "bytes": 1000,
    "job_id": "job-1",
    "parser_version": "1",
    "started": "2015-05-18 00:00:00+00",
    "finished": "2015-05-18 00:01:00+00",
}
OF_DAY = {
    "log_date": DAY,
    "bots": 0,
    "unique_visitors": 0,
    "client_errors": 0,
    "server_errors": 0,
    "client_error_rate": 0,
    "server_error_rate": 0,
}
# What a case does not say about a row, by table.
DEFAULTS: dict[str, dict[str, Any]] = {
    "streamed_requests": REQUEST | {"source": "stream", "source_uri": "projects/p/subscriptions/s"},
    "backfilled_requests": BACKFILLED,
    "requests": BACKFILLED,
    "rejected_backfilled": REJECTED | {"source": "backfill", "source_uri": "gs://logs/a.log"},
    "rejected_streamed": REJECTED | {"source": "stream", "source_uri": "projects/p/subscriptions/s"},
    "copied_readings": {"log_date": DAY, "copied_until": "2100-01-01 00:00:00+00"},
    "replayed_lines": {"source": "backfill", "source_uri": "gs://logs/a.log"},
    "ledger": LEDGER | {"lines": 0, "rows": 0, "rejected": 0, "blank": 0},
    "ledger_days": {
        "run_id": "run-1",
        "source_uri": "gs://logs/a.log",
        "generation": 1,
        "log_date": DAY,
        "finished": "2015-05-18 00:01:00+00",
    },
    "unread_objects": {
        "generation": 1,
        "size": 1000,
        "created": "2015-05-18 00:00:00+00",
        "noticed_at": "2015-05-18 00:50:00+00",
        "reason": "new",
        "log_date": DAY,
    },
    "stream_batches": {
        "job_id": "job-1",
        "source_uri": "s",
        "log_date": DAY,
        **dict.fromkeys(("messages", "lines", "rows", "rejected", "blank", "bytes"), 0),
        "parser_version": "1",
    },
    "stream_heartbeats": {"job_id": "job-1"},
    "request_builds": {
        "log_date": DAY,
        "run_id": "run-1",
        "decision": "rebuilt",
        "backfilled": 0,
        "streamed": 0,
        "late": 0,
        "decided_at": "2015-05-18 01:00:00+00",
    },
    "daily_summary": OF_DAY,
    "daily_hosts": OF_DAY,
    "daily_agents": {"log_date": DAY, "addresses": 0, "paths": 0, "errors": 0},
    "anomalies": {"log_date": DAY},
    "daily_channels": {"log_date": DAY, "visitors": 1},
    "daily_objectives": {"log_date": DAY},
    "daily_pages": {"log_date": DAY, "visitors": 1},
    "daily_detections": {
        "log_date": DAY,
        "severity": "high",
        "tags": "CWE-89",
        "addresses": 1,
        "answered": 0,
        "first_seen": f"{DAY} 10:05:03+00",
        "last_seen": f"{DAY} 10:05:03+00",
        "example": "GET /",
    },
    "daily_errors": {
        "log_date": DAY,
        "status": 404,
        "is_own_page": False,
        "is_rest": False,
        "addresses": 1,
        "first_seen": f"{DAY} 10:05:03+00",
        "last_seen": f"{DAY} 10:05:03+00",
    },
    "daily_paths": {"log_date": DAY, "unique_visitors": 0, "errors": 0},
    "daily_referers": {"log_date": DAY, "unique_visitors": 0, "errors": 0},
    "daily_rejected_lines": {"log_date": DAY, "source": "backfill", "error_type": "not_matching_format", "objects": 1},
    "daily_statuses": {"log_date": DAY},
    "daily_user_agents": {"log_date": DAY, "unique_visitors": 0, "errors": 0},
    "daily_visitors": {
        "log_date": DAY,
        "remote_addr": "83.149.9.216",
        "is_bot": False,
        "errors": 0,
        "first_request": f"{DAY} 10:05:03+00",
        "last_request": f"{DAY} 10:05:03+00",
    },
    "daily_sessions": {
        "log_date": DAY,
        "first_request": f"{DAY} 10:05:03+00",
        "last_request": f"{DAY} 10:05:03+00",
        "duration_seconds": 0,
        "next_day_requests": 0,
        "errors": 0,
        "bytes": 0,
    },
    "hourly_sequences": {
        "log_date": DAY,
        "hour": f"{DAY} 10:00:00+00",
        **dict.fromkeys(("gaps", "missing", "repeats", "copies", "restarts"), 0),
    },
    "hourly_traffic": {
        "log_date": DAY,
        "hour": f"{DAY} 10:00:00+00",
        "bots": 0,
        "unique_visitors": 0,
        "errors": 0,
    },
}


def new_environment() -> Environment:
    """What renders the templates below dags/sql."""
    return Environment(loader=FileSystemLoader(DAGS), undefined=StrictUndefined, autoescape=False)


_ENVIRONMENT = new_environment()


def render(template: str, environment: Environment = _ENVIRONMENT, **values: Any) -> str:
    """A file below dags/sql as SQL, or a template that includes some."""
    if template.endswith(".sql"):
        template = f"{{% include 'sql/{template}' %}}"
    return environment.from_string(template).render(values)


def portion_of(*days: object, built_at: str | None = None, unknown: Iterable[str] = ()) -> Portion:
    """A portion of days that both the stream and replays may have brought lines of, numbered ones too."""
    changed = [
        ChangedDay(f"{day}", "asked for", 1, is_replayed=True, since="1970-01-01 00:00:00+00", built_at=built_at)
        for day in days
    ]
    names = tuple(f"{day}" for day in days)
    return Portion(tuple(changed), streamed=names, numbered=names, unknown=tuple(unknown))


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of `cases/NAME.yaml`."""
    loaded: list[dict[str, Any]] = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


class Warehouse:
    """A dataset of its own with all tables, and its staging dataset."""

    def __init__(self, client: bigquery.Client) -> None:
        self.client = client
        number = next(_NUMBERS)
        self.dataset = f"test_{number}"
        self.staging = f"test_{number}_staging"
        self.run(f"CREATE SCHEMA {self.dataset}; CREATE SCHEMA {self.staging};")
        self._create()

    def _create(self) -> None:
        self.run(self.sql("create_tables.sql", tables=TABLES) + self.sql("create_views.sql", views=VIEWS))

    def sql(self, template: str, portion: Portion | None = None, **values: Any) -> str:
        """A template rendered for this warehouse, its staging tables and some days, else the one of the tests."""
        return self.rendered(_ENVIRONMENT, template, portion, **values)

    def rendered(self, environment: Environment, template: str, portion: Portion | None, **values: Any) -> str:
        """A template as `sql` has it, by an environment."""
        names = {"dataset": self.dataset, "staging": self.staging, "suffix": SUFFIX}
        return render(template, environment, **(names | SETTINGS | (portion or portion_of(DAY)).values() | values))

    def run(self, sql: str, parameters: Iterable[bigquery.ScalarQueryParameter] = ()) -> list[dict[str, Any]]:
        """Run SQL to its end, without retries, and return its rows."""
        config = bigquery.QueryJobConfig(query_parameters=list(parameters))
        job = self.client.query(sql, job_config=config, job_retry=None)
        return [dict(row.items()) for row in job.result(job_retry=None)]

    def insert(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows of a case: defaults filled in, `line` standing for the hash of a line.

        Rows of the view `rejected_lines` are inserted into the tables below it.
        """
        self.load({table: rows}, {})

    def stage(self, staged: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Create staging tables with these rows."""
        self.load({}, staged)

    def load(
        self, given: Mapping[str, Iterable[Mapping[str, Any]]], staged: Mapping[str, Iterable[Mapping[str, Any]]]
    ) -> None:
        """Insert and stage in one script."""
        script = [
            _insert(f"{self.dataset}.{table}", table, row)
            for name, rows in given.items()
            for given_row in rows
            for table, row in (_tables_of(given_row) if name == "rejected_lines" else [(name, given_row)])
        ]
        for name, rows in staged.items():
            target = f"{self.staging}.{name}_{SUFFIX}"
            table = STAGED[name]
            script.append(
                f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM {self.dataset}.{table} "
                f"WHERE FALSE AND {every_row(table)};"
            )
            script += [_insert(target, table, _of_a_reading(name, row)) for row in rows]
        if script:
            self.run("\n".join(script))

    def clear(self) -> None:
        """Delete all rows."""
        self.run("".join(f"TRUNCATE TABLE {self.dataset}.{table};\n" for table in TABLES))

    def rows(self, table: str, order: str = "1") -> list[dict[str, Any]]:
        """All rows of a table."""
        return self.run(f"SELECT * FROM {self.dataset}.{table} WHERE {every_row(table)} ORDER BY {order}")


def _of_a_reading(name: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A staged row, or entry of an object that was read, with the reading of its object."""
    if name not in ("rows", "ledger") or row.get("error_type"):
        return row
    uri = str(row.get("source_uri") or BACKFILLED["source_uri"])
    return {"reading": crc32(uri.encode())} | dict(row)


def _tables_of(line: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The rows that give a rejected line, each with its table."""
    line = {"raw_line": b""} | dict(line)
    replayed_at = line.pop("replayed_at", None)
    yield ("rejected_streamed" if line.get("source") == "stream" else "rejected_backfilled"), line
    if replayed_at:
        known_by = {name: line[name] for name in ("source", "source_uri", "event_id") if name in line}
        mark = {"raw_line_sha256": sha256(line["raw_line"]).digest(), "replayed_at": replayed_at}
        yield "replayed_lines", known_by | mark


def _insert(target: str, table: str, row: Mapping[str, Any]) -> str:
    values = DEFAULTS[table] | {name: value for name, value in row.items() if name not in ("why", "line")}
    if table == "backfilled_requests" and (offset := _OFFSET.search(values.get("event_id") or "")):
        values.setdefault("source_offset", int(offset[1]))
    if "line" in row:
        values["raw_line_hash"] = row["line"].encode().ljust(16, b".")
    names = ", ".join(f"`{name}`" for name in values)
    literals = ", ".join(_literal(name, value) for name, value in values.items())
    return f"INSERT INTO {target} ({names}) VALUES ({literals});"


def _literal(name: str, value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, bytes):
        return f"FROM_HEX('{value.hex()}')"
    if isinstance(value, int | float):
        return repr(value)
    kind = {
        "log_date": "DATE ",
        **dict.fromkeys(
            (
                *(
                    "timestamp",
                    "hour",
                    "ingested_at",
                    "replayed_at",
                    "started",
                    "finished",
                    "copied_until",
                    "removed_at",
                ),
                *("first_request", "last_request", "first_seen", "last_seen", "decided_at"),
            ),
            "TIMESTAMP ",
        ),
    }
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"{kind.get(name, '')}'{text}'"


def plain(value: Any) -> Any:
    """A value of a result as YAML writes it: days and instants as text."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.rstrip(b".").decode()
    return value
