"""A warehouse of tests that has each script from dags/sql run by both: the local BigQuery and the reference."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery
from jinja2 import Environment

from logline.summaries.portions import Portion
from tests.partitions import every_row
from tests.sql.analyzer.catalog import Column, field_of
from tests.sql.analyzer.scripts import parsed, range_of
from tests.sql.analyzer.tracing import Trace, TracedText, relative
from tests.sql.reference.comparison import differences
from tests.sql.reference.evaluator import Database, Row, Table
from tests.sql.reference.scripts import Outcome, ReferenceScript
from tests.sql.reference.values import name_of, of_client, type_of_field
from tests.sql.warehouse import DAGS, VIEWS, Warehouse, new_environment

_LONG = 20_000


@dataclass
class Evaluated:
    """What the reference has evaluated.

    Attributes:
        statements: how often a statement was, by its name.
        files: templates of which a statement was made.
        refused: statements that were not, with the reasons.
        differing: how the results differ, by script.
        types: columns that the local BigQuery has made of another type, as `table.column: INT64, there NUMERIC`.
    """

    statements: dict[str, int] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    types: set[str] = field(default_factory=set)

    def other_files(self) -> set[str]:
        """Return the templates of dags/sql of which no statement was evaluated."""
        return {relative(path) for path in DAGS.glob("sql/**/*.sql")} - self.files

    def lines(self) -> list[str]:
        """Return what to say of it, line by line."""
        return [
            *(f"{times:6} {name}" for name, times in sorted(self.statements.items())),
            *(f"not evaluated: {name}: {reason}" for name, reason in sorted(self.refused.items())),
            *(f"no statement evaluated: {file}" for file in sorted(self.other_files())),
            *(f"another type: {column}" for column in sorted(self.types)),
            f"{len(self.statements)} statements, {sum(self.statements.values())} evaluations",
        ]


class DifferentResultError(AssertionError):
    """The local BigQuery and the reference disagree."""


class ReferenceWarehouse(Warehouse):
    """Runs SQL as its parent does; what is a whole script from dags/sql by the reference, too, and compares.

    Attributes:
        evaluated: what was evaluated so far.
    """

    def __init__(self, client: bigquery.Client, evaluated: Evaluated | None = None) -> None:
        self.evaluated = Evaluated() if evaluated is None else evaluated
        self._trace = Trace()
        self._environment: Environment = new_environment()
        self._trace.attach(self._environment)
        self._scripts: dict[str, tuple[str, TracedText]] = {}
        self._views: dict[str, tuple[list[str], str]] = {}
        self._one_at_a_time = threading.RLock()
        self._made: dict[str, list[Column]] = {}
        super().__init__(client)
        self._scripts.clear()

    def sql(self, template: str, portion: Portion | None = None, **values: Any) -> str:
        traced = self._trace.text(self.rendered(self._environment, template, portion, **values))
        self._scripts[traced.text] = (template, traced)
        return traced.text

    def run(self, sql: str, parameters: Iterable[bigquery.ScalarQueryParameter] = ()) -> list[dict[str, Any]]:
        if sql not in self._scripts:
            return super().run(sql, parameters)
        with self._one_at_a_time:
            return self._run_by_both(sql, list(parameters))

    def compare_views(self) -> None:
        """Compare the rows of all views."""
        for view in VIEWS:
            sql = f"SELECT * FROM {self.dataset}.{view} WHERE {every_row(view)}"
            self._scripts[sql] = (f"{view}/view.sql", TracedText.of_file(sql, f"dags/sql/{view}/view.sql"))
            self.run(sql)

    def _run_by_both(self, sql: str, parameters: list[bigquery.ScalarQueryParameter]) -> list[dict[str, Any]]:
        bound = {parameter.name: (parameter.type_, parameter.value) for parameter in parameters}
        now = datetime.now(UTC)
        database = Database(self._named_tables(sql, now), parameters=bound)
        # A long text is translated once, as long as it does not change; none of these selects the clock's time.
        rows = super().run(_at(now, sql) if len(sql) < _LONG else sql, parameters)
        outcome = ReferenceScript(sql, database, partial(self._prepared, now=now)).run()
        self._note(sql, outcome)
        database.close()
        complaints = list(self._compared(outcome, database))
        if outcome.rows is not None:
            found = [tuple(of_client(value) for value in row.values()) for row in rows]
            complaints += _of_rows("its rows", outcome.rows, found)
        if complaints:
            message = "\n".join([f"{self._scripts[sql][0]}: the reference computes something else", *complaints])
            self.evaluated.differing.append(message)
            raise DifferentResultError(message)
        return rows

    def _compared(self, outcome: Outcome, database: Database) -> Iterable[str]:
        for name in sorted(outcome.changed - outcome.unknown):
            found = self._stored(name)
            expected = database.tables.get(name)
            if found is None or expected is None:
                if (found is None) != (expected is None):
                    yield f"{name} is there for one of both alone"
                continue
            if found.names != expected.names:
                yield f"{name} has the columns {expected.names} by the reference, {found.names} by the local BigQuery"
                continue
            for column, other in zip(expected.columns, found.columns, strict=True):
                if column.type != other.type:
                    apart = f"{name_of(column.type)}, there {name_of(other.type)}"
                    self.evaluated.types.add(f"{name}.{column.name}: {apart}")
            # Scripts to come read it with the types that it should have.
            self._made[name] = list(expected.columns)
            yield from _of_rows(name, expected, list(_typed(found, expected.columns).rows))

    def _note(self, sql: str, outcome: Outcome) -> None:
        template, traced = self._scripts[sql]
        text = sql.encode()
        for statement in outcome.statements:
            name = f"{template}: {statement.kind}{f' {statement.target}' if statement.target else ''}"
            if statement.refusal is not None:
                self.evaluated.refused[name] = statement.refusal
                continue
            self.evaluated.statements[name] = self.evaluated.statements.get(name, 0) + 1
            start, end = (len(text[:place].decode()) for place in (statement.start, statement.end))
            self.evaluated.files |= traced.files(start, end)

    def _named_tables(self, sql: str, now: datetime) -> dict[str, Table]:
        """Return the tables and views that a script names, with all their rows."""
        names = {
            name
            for dataset in (self.dataset, self.staging)
            for name in re.findall(rf"\b{dataset}\.(\w+)", sql.replace("`", ""))
        }
        tables = {}
        for name in sorted(names):
            table = self._view(name, now) if name in VIEWS else self._stored(name)
            if table is not None:
                tables[name] = table
        return tables

    def _stored(self, name: str) -> Table | None:
        """Return a table of either dataset as the local BigQuery has it."""
        for dataset in (self.dataset, self.staging):
            try:
                stored = self.client.get_table(f"{dataset}.{name}")
            except NotFound:
                continue
            rows = self.client.list_rows(stored)
            columns = [Column(column.name, type_of_field(column)) for column in stored.schema]
            table = Table(columns, [tuple(map(of_client, row.values())) for row in rows])
            made = self._made.get(name, [])
            return _typed(table, made) if [column.name for column in made] == table.names else table
        return None

    def _view(self, name: str, now: datetime) -> Table:
        """Return what a view shows, by the reference."""
        if name not in self._views:
            sql = self.sql(f"{name}/view.sql")
            self.evaluated.files |= self._scripts[sql][1].files(0, len(sql))
            (statement,) = parsed(sql)
            start, end = range_of(field_of(statement, "query"))
            columns = field_of(statement, "column_with_options_list")
            names = [column.name.id_string for column in columns.column_with_options] if columns else []
            self._views[name] = (names, sql.encode()[start:end].decode())
        names, query = self._views[name]
        database = Database(self._named_tables(query, now))
        shown = database.query(self._prepared(query, now=now))
        database.close()
        columns = [Column(name, column.type) for name, column in zip(names or shown.names, shown.columns, strict=True)]
        return Table(columns, shown.rows)

    def _prepared(self, sql: str, now: datetime) -> str:
        """Return SQL with tables by their names alone, and the clock stopped."""
        return _at(now, re.sub(rf"\b(?:{self.dataset}|{self.staging})\.", "", sql))


def _at(now: datetime, sql: str) -> str:
    """Return SQL that does not look at the clock, so that both find the same instant there."""
    sql = sql.replace("CURRENT_TIMESTAMP()", f"TIMESTAMP '{now:%Y-%m-%d %H:%M:%S.%f}+00'")
    return sql.replace("CURRENT_DATE()", f"DATE '{now:%Y-%m-%d}'")


def _typed(table: Table, columns: Sequence[Column]) -> Table:
    """Return a table with whole numbers as the type of their column has them."""
    kinds = [name_of(column.type) for column in columns]
    return Table(columns, [tuple(map(_as_kind, row, kinds)) for row in table.rows])


def _as_kind(value: Any, kind: str) -> Any:
    return int(value) if isinstance(value, Decimal) and kind == "INT64" and value == int(value) else value


def _of_rows(name: str, expected: Table, found: Sequence[Row]) -> list[str]:
    return [f"{name}: {line}" for line in differences(expected.names, expected.rows, found)]
