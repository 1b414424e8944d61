"""BigQuery in this process: the calls that the DAGs make, answered by a DuckDB in memory.

The statements are those of the DAGs' own templates, as the emulator translates them. What the emulator adds
to that (permissions, limits, bytes, the streaming buffer) is left out, so that a statement costs milliseconds. A
request is one step of the simulated world, so that no two transactions meet.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from email.parser import BytesParser
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from bqemulator.sql.translator import SQLTranslator
from sqlglot import expressions as exp

PROJECT = "logline-local"
# What differs between two texts of one statement: staging tables' names, and instants.
_VARYING = re.compile(r"(?<=_)\w*[0-9a-f]{8}\b|(?<=TIMESTAMP ')\d{4}[^']*(?=')")
_STOOD_FOR = re.compile(r"stand_in_(\d+)|1801-01-01 00:00:00(?:\.0*)?(\d{6})\+00(?::00)?")
_TYPES = {
    "BIGINT": "INTEGER",
    "HUGEINT": "INTEGER",
    "INTEGER": "INTEGER",
    "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "BLOB": "BYTES",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
_COLUMN_TYPES = {
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "BYTES": "BLOB",
    "TIMESTAMP": "TIMESTAMPTZ",
    "STRING": "VARCHAR",
}


class Refused(Exception):  # noqa: N818 - an answer of the service
    """An answer that is an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def to_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        errors = [{"reason": self.reason, "message": self.message}]
        return {"error": {"code": self.status, "message": self.message, "errors": errors}}


class Step(NamedTuple):
    """A statement of a script in DuckDB's SQL; where `variable` is set, it gives the value of that."""

    sql: str
    variable: str = ""
    has_rows: bool = False


@dataclass
class Job:
    """A job that has ended.

    Attributes:
        configuration: As it was inserted.
        schema: Of its rows.
        rows: As the API writes them.
        output_rows: How many rows a load job has loaded, or a copy job copied.
        created: When it was.
    """

    id: str
    configuration: dict[str, Any]
    schema: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    output_rows: int
    created: datetime


class BigQuery:
    """Datasets, tables and jobs of one project.

    Args:
        read_object: Returns the content of an object of Cloud Storage by its uri.
    """

    def __init__(self, read_object: Callable[[str], bytes]) -> None:
        self._read_object = read_object
        self._duckdb = duckdb.connect()
        self._duckdb.execute("SET TimeZone = 'UTC'; SET threads = 1; SET preserve_insertion_order = false")
        self._jobs: dict[str, Job] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        root = "/bigquery/v2/projects/[^/]+"
        table = f"{root}/datasets/(?P<dataset>[^/]+)/tables"
        self._calls: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = [
            (method, re.compile(path), call)
            for method, path, call in (
                ("POST", f"{root}/jobs", self._insert),
                ("GET", f"{root}/jobs/(?P<job>[^/]+)", self._get_job),
                ("POST", f"{root}/queries", self._query),
                ("GET", f"{root}/queries/(?P<job>[^/]+)", self._results),
                ("POST", f"/upload{root}/jobs", self._upload),
                ("GET", f"{root}/datasets/(?P<dataset>[^/]+)", self._get_dataset),
                ("DELETE", f"{root}/datasets/(?P<dataset>[^/]+)", self._drop_dataset),
                ("GET", table, self._list_tables),
                ("POST", table, self._create_table),
                ("GET", f"{table}/(?P<table>[^/]+)", self._get_table),
                ("DELETE", f"{table}/(?P<table>[^/]+)", self._drop_table),
            )
        ]

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Answer a request: its status and its body, which is JSON."""
        for known, pattern, call in self._calls:
            if known == method and (found := pattern.fullmatch(path)):
                try:
                    is_json = body.startswith(b"{")
                    content = json.loads(body) if is_json else (headers, body)
                    answered = call(content, **found.groupdict())
                except Refused as refused:
                    return refused.status, json.dumps(refused.to_json()).encode()
                return (200, json.dumps(answered).encode()) if answered is not None else (204, b"")
        raise NotImplementedError(f"{method} {path}")

    def execute(self, sql: str, parameters: Sequence[Mapping[str, Any]] = ()) -> tuple[list[Any], list[Any]]:
        """Run a script, all of it or nothing; return the columns and rows of its last query.

        Raises:
            Refused: A statement fails.
        """
        steps = compiled(sql)
        columns: list[Any] = []
        rows: list[Any] = []
        for parameter in parameters:
            value, kind = parameter["parameterValue"].get("value"), parameter["parameterType"]["type"]
            self._duckdb.execute(f"SET VARIABLE p_{parameter['name']} = {_literal(value, kind)}")
        try:
            self._duckdb.execute("BEGIN TRANSACTION")
            for step in steps:
                if step.variable:
                    self._duckdb.execute(f"SET VARIABLE {step.variable} = ({step.sql})")
                    continue
                done = self._duckdb.execute(step.sql)
                if step.has_rows:
                    columns, rows = list(done.description), done.fetchall()
            self._duckdb.execute("COMMIT")
        except duckdb.Error as error:
            self._duckdb.execute("ROLLBACK")
            if isinstance(error, duckdb.CatalogException) and (found := re.search(r"name (\w+)", str(error))):
                raise Refused(404, "notFound", _missing(sql, found[1])) from error
            raise Refused(400, "invalidQuery", f"{error} in {sql[:2000]}") from error
        return columns, rows

    def _insert(self, body: dict[str, Any]) -> dict[str, Any]:
        configuration, job_id = body["configuration"], body["jobReference"]["jobId"]
        if job_id in self._jobs:
            raise Refused(409, "duplicate", f"Already Exists: Job {job_id}")
        if "load" in configuration:
            tables = [pq.read_table(BytesIO(self._read_object(uri))) for uri in configuration["load"]["sourceUris"]]
            return _resource(self._loaded(job_id, configuration, tables))
        if "copy" in configuration:
            return _resource(self._copied(job_id, configuration))
        return _resource(self._run(job_id, configuration))

    def _run(self, job_id: str, configuration: dict[str, Any]) -> Job:
        query = configuration["query"]
        columns, rows = self.execute(query["query"], query.get("queryParameters", ()))
        schema = [_field(name, str(kind)) for name, kind, *_ in columns]
        cells = [{"f": [{"v": _cell(value)} for value in row]} for row in rows]
        job = self._jobs[job_id] = Job(job_id, configuration, schema, cells, 0, datetime.now(UTC))
        return job

    def _loaded(self, job_id: str, configuration: dict[str, Any], tables: Sequence[pa.Table]) -> Job:
        load = configuration["load"]
        into = _name(load["destinationTable"])
        if load.get("writeDisposition") == "WRITE_TRUNCATE":
            self._duckdb.execute(f"DELETE FROM {into}")
        count = 0
        for loaded in tables:
            if loaded.num_rows:
                self._duckdb.register("loaded", loaded)
                self._duckdb.execute(f"INSERT INTO {into} BY NAME SELECT * FROM loaded")
                self._duckdb.unregister("loaded")
                count += loaded.num_rows
        job = self._jobs[job_id] = Job(job_id, configuration, [], [], count, datetime.now(UTC))
        return job

    def _copied(self, job_id: str, configuration: dict[str, Any]) -> Job:
        copy = configuration["copy"]
        into, (source,) = _name(copy["destinationTable"]), map(_name, copy["sourceTables"])
        ((count,),) = self._duckdb.execute(f"INSERT INTO {into} BY NAME SELECT * FROM {source}").fetchall()
        job = self._jobs[job_id] = Job(job_id, configuration, [], [], count, datetime.now(UTC))
        return job

    def _upload(self, content: tuple[Mapping[str, str], bytes]) -> dict[str, Any]:
        headers, body = content
        head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
        parts: Any = BytesParser().parsebytes(head + body).get_payload()
        job, lines = (part.get_payload(decode=True) for part in parts)
        inserted = json.loads(job)
        rows = [json.loads(line) for line in lines.splitlines()]
        for row in rows:
            row.update({name: datetime.fromisoformat(row[name]) for name in ("created", "noticed_at")})
            row["log_date"] = date.fromisoformat(row["log_date"])
        tables = [pa.Table.from_pylist(rows)] if rows else []
        return _resource(self._loaded(inserted["jobReference"]["jobId"], inserted["configuration"], tables))

    def _query(self, body: dict[str, Any]) -> dict[str, Any]:
        job = self._run(body.get("requestId", f"query-{len(self._jobs)}"), {"query": body})
        return self._results(body, job.id)

    def _get_job(self, body: Any, job: str) -> dict[str, Any]:
        return _resource(self._jobs[job])

    def _results(self, body: Any, job: str) -> dict[str, Any]:
        found = self._jobs[job]
        reference = {"projectId": PROJECT, "jobId": job}
        answer = {"jobReference": reference, "jobComplete": True, "totalRows": f"{len(found.rows)}"}
        return {**answer, "schema": {"fields": found.schema}, "rows": found.rows}

    def _get_table(self, body: Any, dataset: str, table: str) -> dict[str, Any]:
        found = self._duckdb.execute(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns "
            f"WHERE table_schema = '{dataset}' AND table_name = '{table}' ORDER BY ordinal_position"
        ).fetchall()
        if not found:
            raise Refused(404, "notFound", f"Not found: Table {PROJECT}:{dataset}.{table}")
        reference = {"projectId": PROJECT, "datasetId": dataset, "tableId": table}
        fields = [
            _field(name, kind) | ({} if nullable == "YES" else {"mode": "REQUIRED"}) for name, kind, nullable in found
        ]
        made = self._tables.get(f"{dataset}.{table}", {})
        layout = {
            "timePartitioning": {"type": "DAY", "field": "log_date"},
            "clustering": {"fields": ["source_uri"]},
            "creationTime": "0",
        }
        return {**layout, **made, "tableReference": reference, "schema": {"fields": fields}, "type": "TABLE"}

    def _create_table(self, body: dict[str, Any], dataset: str) -> dict[str, Any]:
        name = body["tableReference"]["tableId"]
        columns = ", ".join(
            f'"{field["name"]}" {_COLUMN_TYPES[field["type"]]}{" NOT NULL" if field.get("mode") == "REQUIRED" else ""}'
            for field in body["schema"]["fields"]
        )
        self._duckdb.execute(f'CREATE TABLE {dataset}."{name}" ({columns})')
        milliseconds = int(datetime.now(UTC).timestamp() * 1000)
        self._tables[f"{dataset}.{name}"] = {
            "description": body.get("description"),
            "creationTime": f"{max(milliseconds, 1 + self._last_made)}",
        }
        return self._get_table(body, dataset, name)

    @property
    def _last_made(self) -> int:
        # A job's id is made of it: no two tables of one name are of the same millisecond, as on the service.
        return max((int(made["creationTime"]) for made in self._tables.values()), default=0)

    def _drop_table(self, body: Any, dataset: str, table: str) -> None:
        try:
            self._duckdb.execute(f'DROP TABLE {dataset}."{table}"')
        except duckdb.CatalogException:
            raise Refused(404, "notFound", f"Not found: Table {PROJECT}:{dataset}.{table}") from None

    def _list_tables(self, body: Any, dataset: str) -> dict[str, Any]:
        found = self._duckdb.execute(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{dataset}'"
        ).fetchall()
        names = [{"projectId": PROJECT, "datasetId": dataset, "tableId": name} for (name,) in found]
        return {"tables": [{"tableReference": name, "type": "TABLE"} for name in names]}

    def _get_dataset(self, body: Any, dataset: str) -> dict[str, Any]:
        return {"datasetReference": {"projectId": PROJECT, "datasetId": dataset}, "location": "US"}

    def _drop_dataset(self, body: Any, dataset: str) -> None:
        self._duckdb.execute(f"DROP SCHEMA IF EXISTS {dataset} CASCADE")


def compiled(sql: str) -> list[Step]:
    """Return the statements of a script; texts that differ in names of staging tables alone are translated once."""
    values: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        if found[0] not in values:
            values.append(found[0])
        number = values.index(found[0])
        return f"1801-01-01 00:00:00.{number:06d}+00" if ":" in found[0] else f"stand_in_{number:06d}"

    text = _VARYING.sub(stand_in, sql)

    def original(found: re.Match[str]) -> str:
        return values[int(found[1] or found[2])]

    return [step._replace(sql=_STOOD_FOR.sub(original, step.sql)) for step in _translated(text)]


@cache
def _translated(script: str) -> list[Step]:
    variables: set[str] = set()
    steps: list[Step] = []
    for statement in sqlglot.parse(script, read="bigquery"):
        if statement is None or isinstance(statement, exp.Transaction | exp.Commit):
            continue
        if isinstance(statement, exp.Declare):
            variables.update(name.name for one in statement.expressions for name in one.this)
            continue
        if isinstance(statement, exp.Set):
            assignment = statement.expressions[0].this
            steps.append(Step(_to_duckdb(_bound(assignment.expression, variables)), assignment.this.name))
            continue
        if isinstance(statement, exp.Create):
            steps.append(Step(_definition(_bound(statement, variables))))
            continue
        if isinstance(statement, exp.TruncateTable):
            steps.append(Step(f"DELETE FROM {statement.expressions[0].sql('duckdb')}"))
            continue
        sql = _to_duckdb(_bound(statement, variables))
        steps.append(Step(sql, has_rows=isinstance(statement, exp.Query)))
    return steps


def _bound(statement: exp.Expr, variables: set[str]) -> exp.Expr:
    """Return a statement that asks DuckDB for its parameters and the script's variables."""

    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Parameter):
            return exp.Anonymous(this="getvariable", expressions=[exp.Literal.string(f"p_{node.name}")])
        if isinstance(node, exp.Column) and not node.table and node.name in variables:
            return exp.Anonymous(this="getvariable", expressions=[exp.Literal.string(node.name)])
        return node

    return statement.transform(replaced)


def _definition(statement: exp.Create) -> str:
    """Return the statement that makes a table, view or schema: its columns and whether they may be NULL, no options."""
    statement.set("properties", None)
    for constraint in list(statement.find_all(exp.ColumnConstraint)):
        if not isinstance(constraint.args["kind"], exp.NotNullColumnConstraint):
            constraint.pop()
    if statement.kind == "TABLE" and statement.expression is None:
        return str(statement.sql("duckdb"))
    return _to_duckdb(statement)


_TRANSLATOR = SQLTranslator()


def _to_duckdb(statement: exp.Expr) -> str:
    return str(_TRANSLATOR.translate(statement.sql("bigquery", comments=False)).value)


def _missing(sql: str, table: str) -> str:
    dataset = re.search(rf"(\w+)\.{table}\b", sql)
    return f"Not found: Table {PROJECT}:{dataset[1] if dataset else ''}.{table} was not found"


def _name(reference: Mapping[str, str]) -> str:
    return f'{reference["datasetId"]}."{reference["tableId"]}"'


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return "NULL"
    if kind == "STRING":
        return "'" + str(value).replace("'", "''") + "'"
    return f"CAST('{value}' AS {'DOUBLE' if kind == 'FLOAT64' else 'BIGINT' if kind == 'INT64' else kind})"


def _field(name: str, kind: str) -> dict[str, str]:
    is_array = kind.endswith("[]")
    kind = kind.removesuffix("[]")
    known = "NUMERIC" if kind.startswith("DECIMAL") else _TYPES.get(kind, "STRING")
    return {"name": name, "type": known, "mode": "REPEATED" if is_array else "NULLABLE"}


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return [{"v": _cell(one)} for one in value]
    if isinstance(value, bool):
        return f"{value}".lower()
    if isinstance(value, datetime):
        return f"{int(value.timestamp()) * 1_000_000 + value.microsecond}"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float | int | Decimal | date):
        return f"{value}"
    raise NotImplementedError(f"{type(value)}")


def _resource(job: Job) -> dict[str, Any]:
    milliseconds = f"{int(job.created.timestamp() * 1000)}"
    times = dict.fromkeys(("creationTime", "startTime", "endTime"), milliseconds)
    (kind,) = {"load", "copy", "query"} & set(job.configuration)
    counts = {
        "load": {"outputRows": f"{job.output_rows}"},
        "copy": {"copiedRows": f"{job.output_rows}"},
        "query": {"totalBytesProcessed": "0"},
    }[kind]
    return {
        "kind": "bigquery#job",
        "id": f"{PROJECT}:{job.id}",
        "jobReference": {"projectId": PROJECT, "jobId": job.id},
        "configuration": {**job.configuration, "jobType": kind.upper()},
        "status": {"state": "DONE"},
        "statistics": {**times, kind: counts},
    }
