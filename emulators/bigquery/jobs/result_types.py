"""Types of the columns of results, and of tables made of them, that Arrow does not have, for the BigQuery emulator.

DuckDB adds up integers in 128 bits. bqemulator 1.4.0 calls such sums INTEGER, however large they are, and NUMERIC
within arrays and structs; JSON within those becomes STRING.
"""

from typing import Any

import duckdb
import pyarrow as pa
from bqemulator.catalog import ddl_sync
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.storage import arrow_bridge, engine

_TYPE = b"bqemu.duckdb_type"
_table_field = ddl_sync._arrow_field_to_table_field


def with_types(table: pa.Table, description: list[tuple[Any, ...]] | None) -> pa.Table:
    """Return a result with the types of its columns in DuckDB; replaces bqemulator's own function.

    Raises:
        InvalidQueryError: A sum of integers has more than 64 bits.
    """
    kinds = {name: kind for name, kind, *_ in description or []}
    if not kinds:
        return table
    fields = [_field(field, kinds[field.name]) if field.name in kinds else field for field in table.schema]
    kept: Any = table.schema.metadata
    try:
        return table.cast(pa.schema(fields, metadata=kept))
    except pa.ArrowInvalid:
        raise InvalidQueryError("int64 overflow", location="query") from None


def table_schema(duck: engine.DuckDBEngine, table: str) -> pa.Schema:
    """Return the schema of a new table or view, whose sums become 64 bits wide; replaces bqemulator's own function.

    Args:
        duck: Has the table.
        table: As it is written in DuckDB's SQL.

    Raises:
        InvalidQueryError: A sum has more than 64 bits.
    """
    rows = f"SELECT * FROM {table} LIMIT 0"
    columns = [(name, str(kind)) for name, kind, *_ in duck.execute(rows).description or []]
    try:
        for name, kind in columns:
            if "HUGEINT" in kind:
                duck.execute(f'ALTER TABLE {table} ALTER COLUMN "{name}" TYPE {kind.replace("HUGEINT", "BIGINT")}')
    except duckdb.ConversionException:
        raise InvalidQueryError("int64 overflow", location="query") from None
    except duckdb.CatalogException:
        pass  # a view, whose results are cast
    return duck.fetch_arrow(rows).schema


def table_field(field: Any, mode_override: Any = None) -> Any:
    """Return a column of a table, also one of JSON; replaces bqemulator's own function."""
    made = _table_field(field, mode_override)
    return made.model_copy(update={"type": "JSON"}) if (field.metadata or {}).get(_TYPE) == b"JSON" else made


def _field(field: Any, kind: Any) -> Any:
    shown = {"HUGEINT": "BIGINT", "JSON[]": "JSON"}.get(str(kind), str(kind))
    return field.with_type(_arrow(field.type, kind)).with_metadata({**(field.metadata or {}), _TYPE: shown.encode()})


def _arrow(arrow: pa.DataType, kind: Any) -> pa.DataType:
    """Return a type as it is in a result; the same one where nothing in it is another."""
    text = str(kind)
    if text == "HUGEINT":
        return pa.int64()
    if "HUGEINT" not in text and "JSON" not in text:
        return arrow
    if pa.types.is_list(arrow):
        return pa.list_(_field(arrow.value_field, kind.children[0][1]))
    if pa.types.is_struct(arrow):
        return pa.struct([_field(arrow.field(name), of) for name, of in kind.children])
    return arrow


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(arrow_bridge)["introspect_arrow_schema"] = table_schema
    vars(ddl_sync)["_arrow_field_to_table_field"] = table_field
    vars(engine)["_annotate_with_duckdb_types"] = with_types
