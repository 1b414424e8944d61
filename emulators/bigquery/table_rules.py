"""What BigQuery's documentation allows of a table's definition, for the BigQuery emulator.

bqemulator 1.4.0 takes any clustering, partitioning, name and description. `docs/service-rules.md` has each rule with
its source, and what is not checked here.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.domain.errors import InvalidQueryError
from sqlglot import expressions as exp

from emulators.bigquery.parsing import before_each_statement, statements

MOST_CLUSTERING_COLUMNS = 4
MOST_PARTITIONS = 10_000
MOST_COLUMNS = 10_000
LONGEST_TABLE_NAME = 1024  # bytes
LONGEST_COLUMN_NAME = 300
LONGEST_TABLE_DESCRIPTION = 16_384
LONGEST_COLUMN_DESCRIPTION = 1024

CLUSTERING_TYPES = frozenset(
    {"BIGNUMERIC", "BOOL", "DATE", "DATETIME", "GEOGRAPHY", "INT64", "NUMERIC", "RANGE", "STRING", "TIMESTAMP"}
)
#: The types of a partitioning column, with the units it may be partitioned by.
PARTITIONING_UNITS = {
    "DATE": frozenset({"DAY", "MONTH", "YEAR"}),
    "DATETIME": frozenset({"HOUR", "DAY", "MONTH", "YEAR"}),
    "TIMESTAMP": frozenset({"HOUR", "DAY", "MONTH", "YEAR"}),
    "INT64": frozenset({"RANGE"}),
}
_TABLE_NAME_CATEGORIES = ("L", "M", "N", "Pc", "Pd", "Zs")
_COLUMN_NAME = re.compile(r"""[^!"$()*,./;?@[\\\]^`{}~]+""")
_RESERVED_PREFIXES = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier")
_PSEUDO_COLUMNS = ("_PARTITIONTIME", "_PARTITIONDATE")
#: What the REST API calls types of SQL.
_API_TYPES = {
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "RECORD": "STRUCT",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
_INT_TYPES = ("INT", "SMALLINT", "BIGINT", "TINYINT", "BYTEINT")
#: The functions of PARTITION BY, and the types of their column.
_PARTITIONING_FUNCTIONS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Date: ("TIMESTAMP", "DATETIME"),
    exp.TsOrDsToDate: ("TIMESTAMP", "DATETIME"),
    exp.DateTrunc: ("DATE",),
    exp.TimestampTrunc: ("TIMESTAMP",),
    exp.DatetimeTrunc: ("DATETIME",),
    exp.RangeBucket: ("INT64",),
}
_CREATE_TABLE = re.compile(r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?TABLE\b", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A top-level column."""

    name: str
    type: str
    repeated: bool = False
    description: str = ""


@dataclass(frozen=True)
class Partitioning:
    """How a table is partitioned.

    Attributes:
        column: None for the time of ingestion.
        unit: HOUR, DAY, MONTH, YEAR, or RANGE of integers.
        types: what the column may be, where the statement says more than the unit.
        partitions: of integers, how many there may be.
    """

    column: str | None
    unit: str
    types: Sequence[str] = tuple(PARTITIONING_UNITS)
    partitions: int = 0


@dataclass(frozen=True)
class Definition:
    """A table as a statement or a request wants it; without columns where they are those of a query or a file."""

    table: str
    columns: Sequence[Column] = ()
    description: str = ""
    clustering: Sequence[str] = ()
    partitioning: Partitioning | None = None


def check(definition: Definition) -> None:
    """Refuse a table that BigQuery would not make.

    Raises:
        InvalidQueryError: The first fault of it.
    """
    for fault in (
        _name_fault(definition),
        *map(_column_fault, definition.columns),
        _columns_fault(definition.columns),
        _clustering_fault(definition),
        _partitioning_fault(definition),
    ):
        if fault:
            raise InvalidQueryError(fault)


def _name_fault(definition: Definition) -> str | None:
    table = definition.table
    if len(table.encode()) > LONGEST_TABLE_NAME:
        return f"Invalid table ID: it has more than {LONGEST_TABLE_NAME} bytes."
    if not all(unicodedata.category(sign).startswith(_TABLE_NAME_CATEGORIES) for sign in table):
        return (
            f'Invalid table ID "{table}". Table IDs must be alphanumeric (plus underscores, dashes, and spaces) and '
            f"must be at most {LONGEST_TABLE_NAME} bytes long."
        )
    if len(definition.description) > LONGEST_TABLE_DESCRIPTION:
        return f"The description of table {table} has more than {LONGEST_TABLE_DESCRIPTION} characters."
    return None


def _column_fault(column: Column) -> str | None:
    name = column.name
    if not _COLUMN_NAME.fullmatch(name) or len(name) > LONGEST_COLUMN_NAME:
        return f'Invalid field name "{name}". Fields must contain the allowed characters, and be at most 300 long.'
    if name.lower().startswith(_RESERVED_PREFIXES):
        return f'Invalid field name "{name}". Field names are not allowed to start with a reserved prefix.'
    if len(column.description) > LONGEST_COLUMN_DESCRIPTION:
        return f"The description of field {name} has more than {LONGEST_COLUMN_DESCRIPTION} characters."
    return None


def _columns_fault(columns: Sequence[Column]) -> str | None:
    if len(columns) > MOST_COLUMNS:
        return f"Too many fields: {len(columns)}. A table may have up to {MOST_COLUMNS} fields."
    names = [column.name.lower() for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    return f'Duplicate field name "{twice}" found.' if twice else None


def _clustering_fault(definition: Definition) -> str | None:
    fields = definition.clustering
    if len(fields) > MOST_CLUSTERING_COLUMNS:
        return f"Too many clustering fields: {len(fields)}. Up to {MOST_CLUSTERING_COLUMNS} are supported."
    for name in fields:
        column = _column(definition, name)
        if isinstance(column, str):
            return f"The field specified for clustering cannot be found in the schema. Invalid field: {name}."
        if column and (column.repeated or column.type not in CLUSTERING_TYPES):
            kind = f"ARRAY<{column.type}>" if column.repeated else column.type
            return (
                f"Field {name} has type {kind}, which is not supported for clustering: "
                f"only {', '.join(sorted(CLUSTERING_TYPES))} are."
            )
    return None


def _partitioning_fault(definition: Definition) -> str | None:
    by = definition.partitioning
    if by is None:
        return None
    if by.partitions > MOST_PARTITIONS:
        return f"The table would have {by.partitions} partitions: up to {MOST_PARTITIONS} are supported."
    if by.column is None:
        return None
    column = _column(definition, by.column)
    if isinstance(column, str):
        return f"The field specified for partitioning cannot be found in the schema. Invalid field: {by.column}."
    if column is None:
        return None
    units = frozenset() if column.repeated else PARTITIONING_UNITS.get(column.type, frozenset())
    if by.unit not in units or column.type not in by.types:
        kind = f"ARRAY<{column.type}>" if column.repeated else column.type
        return f"PARTITION BY {by.unit} of field {by.column} of type {kind} is not supported."
    return None


def _column(definition: Definition, name: str) -> Column | str | None:
    """Return a column; its name where it is missing, None where no column is known."""
    if not definition.columns:
        return None
    return next((column for column in definition.columns if column.name.lower() == name.lower()), name)


def of_resource(table: Mapping[str, Any]) -> Definition:
    """Return the definition in a table's resource or in the configuration of a load job."""
    reference = table.get("tableReference") or table.get("destinationTable") or {}
    partitioning = None
    if time := table.get("timePartitioning"):
        units = ("DATE", "DATETIME", "TIMESTAMP")
        partitioning = Partitioning(time.get("field"), time.get("type", "DAY").upper(), units)
    elif ranges := table.get("rangePartitioning"):
        bounds = {name: int(value) for name, value in ranges.get("range", {}).items()}
        partitioning = _ranges(ranges.get("field"), bounds["start"], bounds["end"], bounds["interval"])
    return Definition(
        # A partition's decorator is none of the name.
        table=reference.get("tableId", "").partition("$")[0],
        columns=[
            Column(
                field["name"],
                _API_TYPES.get(field["type"].upper(), field["type"].upper()),
                field.get("mode", "").upper() == "REPEATED",
                field.get("description") or "",
            )
            for field in (table.get("schema") or {}).get("fields") or ()
        ],
        description=table.get("description") or "",
        clustering=(table.get("clustering") or {}).get("fields") or (),
        partitioning=partitioning,
    )


def of_statement(sql: str) -> Definition | None:
    """Return the definition in a `CREATE TABLE`; None where the statement is none, or cannot be parsed."""
    if not _CREATE_TABLE.search(sql):
        return None
    create = next(iter(statements(sql)), None)
    if not isinstance(create, exp.Create) or create.kind != "TABLE":
        return None
    properties = create.args.get("properties")
    cluster = create.find(exp.ClusterProperty)
    target = create.find(exp.Table)
    return Definition(
        table=target.name.rpartition(".")[2] if target else "",
        columns=[
            column
            for definition in (create.this.expressions if isinstance(create.this, exp.Schema) else ())
            if isinstance(definition, exp.ColumnDef) and (column := _of_definition(definition))
        ],
        description=_description(properties.expressions if properties else ()),
        clustering=[column.name for column in cluster.expressions] if cluster else (),
        partitioning=_of_property(create.find(exp.PartitionedByProperty)),
    )


def _of_definition(definition: exp.ColumnDef) -> Column | None:
    kind = definition.args.get("kind")
    if not isinstance(kind, exp.DataType):
        return None
    repeated = kind.this == exp.DataType.Type.ARRAY
    element = kind.expressions[0] if repeated and kind.expressions else kind
    name = re.match(r"\w*", element.sql(dialect="bigquery").upper())
    options = [
        option
        for constraint in definition.args.get("constraints") or ()
        if isinstance(constraint.args.get("kind"), exp.Properties)
        for option in constraint.args["kind"].expressions
    ]
    base = name[0] if name else ""
    base = "INT64" if base in _INT_TYPES else _API_TYPES.get(base, base)
    return Column(definition.name, base, repeated, _description(options))


def _description(options: Sequence[exp.Expr]) -> str:
    return next(
        (
            option.args["value"].name
            for option in options
            if isinstance(option, exp.Property) and option.name.lower() == "description"
        ),
        "",
    )


def _of_property(by: exp.PartitionedByProperty | None) -> Partitioning | None:
    if by is None:
        return None
    function = by.this
    column = function if isinstance(function, exp.Identifier | exp.Column) else function.find(exp.Column)
    name = column.name if column else None
    if name and name.upper() in _PSEUDO_COLUMNS:
        name = None
    if function is column:
        return Partitioning(name, "DAY", ("DATE",))
    if isinstance(function, exp.RangeBucket) and (series := function.find(exp.GenerateSeries)):
        start, end, step = (_number(series.args.get(bound)) for bound in ("start", "end", "step"))
        if start is not None and end is not None and step is not None:
            return _ranges(name, start, end, step)
    unit = function.args.get("unit")
    types = next((types for kind, types in _PARTITIONING_FUNCTIONS.items() if isinstance(function, kind)), None)
    default = Partitioning(name, unit.name.upper() if unit is not None and unit.name else "DAY")
    return default if types is None else Partitioning(name, default.unit, types)


def _number(value: exp.Expr | None) -> int | None:
    text = value.sql(dialect="bigquery") if value is not None else "1"
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def _ranges(column: str | None, start: int, end: int, interval: int) -> Partitioning:
    if interval <= 0 or end <= start:
        raise InvalidQueryError("The end of integer ranges must be after their start, and their interval above zero.")
    return Partitioning(column, "RANGE", ("INT64",), -(-(end - start) // interval))


def patch() -> None:
    """Put the check before each statement that bqemulator runs."""

    def checked(sql: str, project_id: str, catalog: DuckDBCatalogRepository) -> None:
        definition = of_statement(sql)
        if definition is not None:
            check(definition)

    before_each_statement(checked)
