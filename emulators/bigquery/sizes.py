"""How many rows and logical bytes a table has."""

from typing import cast

from bqemulator.catalog.models import TableMeta
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.storage.sql_identifiers import quoted_table_ref
from duckdb.sqltypes import DuckDBPyType

_FIXED = {"boolean": 1, "decimal": 16, "interval": 16}
_USUAL = 8


class TableSizes:
    """The tables of one engine; of views, both numbers are 0."""

    def __init__(self, engine: DuckDBEngine) -> None:
        self._engine = engine

    def of(self, table: TableMeta) -> tuple[int, int]:
        """Return a table's rows and logical bytes, counted now."""
        if "VIEW" in table.table_type:
            return 0, 0
        reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
        connection = self._engine.connection.cursor()  # requests in threads use none at the same time
        relation = connection.table(reference)
        sizes = [logical_bytes(f'"{name}"', kind) for name, kind in zip(relation.columns, relation.types, strict=True)]
        row = connection.execute(
            f"SELECT count(*), coalesce(sum({' + '.join(sizes) or 0}), 0)::BIGINT FROM {reference}"
        ).fetchone()
        return row or (0, 0)


def logical_bytes(value: str, kind: DuckDBPyType) -> str:
    """Return SQL for the logical bytes of a value; NULL has none.

    See https://cloud.google.com/bigquery/pricing#data.
    """
    if kind.id == "struct":
        fields = cast("list[tuple[str, DuckDBPyType]]", kind.children)
        return " + ".join(logical_bytes(f'{value}."{name}"', child) for name, child in fields)
    if kind.id == "list":
        ((_, child),) = cast("list[tuple[str, DuckDBPyType]]", kind.children)
        return f"coalesce(list_sum(list_transform({value}, lambda one: {logical_bytes('one', child)})), 0)"
    size = {"varchar": f"2 + strlen({value})", "blob": f"2 + octet_length({value})"}.get(kind.id)
    return f"CASE WHEN {value} IS NULL THEN 0 ELSE {size or _FIXED.get(kind.id, _USUAL)} END"
