"""The logical bytes of columns by partition: counted when first asked for, forgotten when the table changes."""

import re
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from typing import Any

import duckdb
from bqemulator.catalog.models import TableMeta
from bqemulator.storage.sql_identifiers import quoted_table_ref
from sqlglot import expressions as exp

from emulators.bigquery.billing.pruning import bound_sql, of_bounds
from emulators.bigquery.sizes import logical_bytes

_READS = ("SELECT", "WITH", "(", "DESCRIBE", "PRAGMA", "EXPLAIN", "SET", "BEGIN", "COMMIT", "ROLLBACK")
_REFERENCE = re.compile(r'"(?:[^"]|"")+"\."(?:[^"]|"")+"')


def changed_table(sql: str) -> str | None:
    """Return the quoted name of the table that DuckDB's statement changes; "" where it names none, None for a query."""
    if sql.lstrip()[:10].upper().startswith(_READS):
        return None
    found = _REFERENCE.search(sql)
    return found[0] if found else ""


class _Counts:
    """What has been counted of a table."""

    def __init__(self, table: TableMeta, connection: duckdb.DuckDBPyConnection) -> None:
        self.layout = _layout(table)
        self.reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
        relation = connection.table(self.reference)
        self.sizes = {
            name.lower(): logical_bytes(f'"{name}"', kind)
            for name, kind in zip(relation.columns, relation.types, strict=True)
        }
        self.first, self.last = _bounds(table)
        self.partitions: dict[Any, Any] | None = None if self.first != "NULL" else {None: None}
        self.bytes: dict[str, dict[Any, int]] = {}


class TableColumns:
    """The columns of a table, as a connection sees them; a partition is named by its first value."""

    def __init__(self, counts: _Counts, connection: duckdb.DuckDBPyConnection) -> None:
        self._counts = counts
        self._connection = connection

    @property
    def names(self) -> Set[str]:
        """Return the names of the columns, in lower case."""
        return self._counts.sizes.keys()

    @property
    def first(self) -> str:
        """Return SQL for the first value of a row's partition."""
        return self._counts.first

    def partitions(self, limits: Iterable[exp.Expr], values: Mapping[str, Any]) -> Set[Any]:
        """Return the partitions that may have rows within limits.

        Args:
            limits: The limits, as a `Read` has them.
            values: Those of parameters and variables, by their names in lower case.
        """
        counts = self._counts
        if counts.partitions is None:
            found = self._connection.execute(f"SELECT DISTINCT {counts.first}, {counts.last} FROM {counts.reference}")
            counts.partitions = dict(found.fetchall())
        left = set(counts.partitions)
        for limit in limits:
            condition = of_bounds(limit)
            bound = bound_sql(condition, values) if condition is not None else None
            if bound is not None and left:
                left &= self._within(counts.partitions, *bound)
        return left

    def _within(self, partitions: Mapping[Any, Any], condition: str, parameters: Mapping[str, Any]) -> Set[Any]:
        bounds = {"firsts": list(partitions), "lasts": list(partitions.values())}
        table = "(SELECT unnest($firsts) AS _first, unnest($lasts) AS _last)"
        try:
            found = self._connection.execute(f"SELECT _first FROM {table} WHERE {condition}", {**bounds, **parameters})
            return {first for (first,) in found.fetchall()}
        except duckdb.Error:
            return partitions.keys()  # what DuckDB does not understand as it stands prunes nothing

    def bytes(self, wanted: Mapping[str, Set[Any]]) -> int:
        """Return the bytes of columns, each of the partitions that are wanted of it."""
        known = self._counts.bytes
        missing = {name: partitions - known.get(name, {}).keys() for name, partitions in wanted.items()}
        if columns := [name for name, partitions in missing.items() if partitions]:
            self._count(columns, set().union(*missing.values()))
        return sum(known[name][partition] for name, partitions in wanted.items() for partition in partitions)

    def _count(self, columns: list[str], partitions: Set[Any]) -> None:
        counts = self._counts
        where, parameters = "", []
        if None not in partitions and counts.partitions and len(partitions) < len(counts.partitions):
            where, parameters = f"WHERE {counts.first} BETWEEN ? AND ?", [min(partitions), max(partitions)]
        sums = ", ".join(f"sum({counts.sizes[name]})::BIGINT" for name in columns)
        rows = self._connection.execute(
            f"SELECT {counts.first}, {sums} FROM {counts.reference} {where} GROUP BY 1", parameters
        ).fetchall()
        for position, name in enumerate(columns, 1):
            of_column = {row[0]: row[position] or 0 for row in rows}
            counts.bytes.setdefault(name, {}).update(dict.fromkeys(partitions, 0) | of_column)


class ColumnSizes:
    """What is known of the tables of a database."""

    def __init__(self) -> None:
        self._tables: dict[str, _Counts] = {}
        self._changed: dict[str, datetime] = {}

    def forget(self, reference: str) -> None:
        """Forget a table that has changed, by its quoted name; all of them where it is empty."""
        if reference:
            self._tables.pop(reference, None)
            self._changed[reference] = datetime.now(UTC)
        else:
            self._tables.clear()

    def modified(self, table: TableMeta) -> datetime:
        """Return when a table or its rows changed last, as far back as this process knows."""
        reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
        return max(table.last_modified_time, self._changed.get(reference, table.last_modified_time))

    def of(self, table: TableMeta, connection: duckdb.DuckDBPyConnection) -> TableColumns:
        """Return a table's columns.

        Raises:
            duckdb.Error: There is no such table.
        """
        reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
        known = self._tables.get(reference)
        if known is None or known.layout != _layout(table):
            # Kept before anything is counted: what a change overtakes is then no longer asked for.
            known = self._tables[reference] = _Counts(table, connection)
        return TableColumns(known, connection)


#: Of the emulator's database.
KEPT = ColumnSizes()


def _layout(table: TableMeta) -> tuple[Any, ...]:
    return table.time_partitioning, table.range_partitioning


def _bounds(table: TableMeta) -> tuple[str, str]:
    """Return SQL for the first and the last value of the partition of a row; NULL for a table without partitions."""
    if ranges := table.range_partitioning:
        column, start, step = f'"{ranges.field}"', ranges.start, ranges.interval
        first = f"{start} + ({column} - {start}) // {step} * {step}"
        first = f"CASE WHEN {column} BETWEEN {start} AND {ranges.end - 1} THEN {first} END"
        return first, f"({first}) + {step - 1}"
    time = table.time_partitioning
    if time is None or time.field is None:
        return "NULL", "NULL"
    column = f'"{time.field}"'
    kind = next((one.type for one in table.schema_.fields if one.name.lower() == time.field.lower()), "DATE")
    if kind == "DATE":
        first = column if time.type == "DAY" else f"date_trunc('{time.type}', {column})::DATE"
        return first, f"({first} + INTERVAL 1 {time.type} - INTERVAL 1 DAY)::DATE"
    first = f"date_trunc('{time.type}', {column})"
    return first, f"{first} + INTERVAL 1 {time.type} - INTERVAL 1 MICROSECOND"
