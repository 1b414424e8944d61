"""A DuckDB with tables as bqemulator keeps them, and estimates of statements over them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import duckdb
from bqemulator.catalog.models import RangePartitioning, TableFieldSchema, TableMeta, TableSchema, TimePartitioning
from bqemulator.storage.type_map import bq_schema_to_duckdb_columns

from emulators.bigquery.billing.column_sizes import ColumnSizes, changed_table
from emulators.bigquery.billing.estimates import Estimate, Warehouse

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Tables:
    """The tables of the dataset `d` in the project `p`; it is their catalog too."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute('CREATE SCHEMA "p__d"')
        self._sizes = ColumnSizes()
        self._described: dict[str, TableMeta] = {}

    def get_table(self, project: str, dataset: str, name: str) -> TableMeta | None:
        """Return a table's entry, as the catalog does."""
        return self._described.get(name) if (project, dataset) == ("p", "d") else None

    def create(
        self,
        name: str,
        columns: dict[str, str],
        rows: Iterable[tuple[Any, ...]] = (),
        by: TimePartitioning | RangePartitioning | None = None,
    ) -> None:
        """Create a table of the columns, by their types, `ARRAY<T>` among them, with rows."""
        fields = [
            {"name": column, "type": kind.removeprefix("ARRAY<").removesuffix(">"), "mode": "REPEATED"}
            if kind.startswith("ARRAY<")
            else {"name": column, "type": kind}
            for column, kind in columns.items()
        ]
        self._described[name] = TableMeta(
            project_id="p",
            dataset_id="d",
            table_id=name,
            schema=TableSchema(fields=tuple(TableFieldSchema(**field) for field in fields)),
            time_partitioning=by if isinstance(by, TimePartitioning) else None,
            range_partitioning=by if isinstance(by, RangePartitioning) else None,
            creation_time=NOW,
            last_modified_time=NOW,
            etag="",
        )
        types = ", ".join(f'"{column}" {kind}' for column, kind in bq_schema_to_duckdb_columns(fields))
        self.execute(f'CREATE TABLE "p__d"."{name}" ({types})')
        marks = ", ".join("?" * len(columns))
        for row in rows:
            self.execute(f'INSERT INTO "p__d"."{name}" VALUES ({marks})', row)

    def create_view(self, name: str, query: str) -> None:
        """Create a view."""
        self._described[name] = TableMeta(
            project_id="p",
            dataset_id="d",
            table_id=name,
            table_type="VIEW",
            view_query=query,
            creation_time=NOW,
            last_modified_time=NOW,
            etag="",
        )

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        """Run a statement of DuckDB; what it changes is counted again."""
        self.connection.execute(sql, list(parameters))
        if (table := changed_table(sql)) is not None:
            self._sizes.forget(table)

    def estimate(self, sql: str, **values: Any) -> Estimate:
        """Return the estimate of a statement with parameters or variables."""
        warehouse = Warehouse(self, lambda table: self._sizes.of(table, self.connection))  # type: ignore[arg-type]
        return warehouse.estimate(sql, "p", values)


def day(number: int) -> date:
    """Return a day of January."""
    return date(2026, 1, number)
