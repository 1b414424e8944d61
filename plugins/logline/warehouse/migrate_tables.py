"""Migrate tables to their schema files: add what a release adds, refuse what would lose or change data.

What a schema file says is asked of BigQuery itself: the file creates an empty table in the staging dataset, and the two
tables are compared as BigQuery describes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from google.cloud.bigquery import Client, SchemaField, Table

from logline.settings import Settings
from logline.warehouse.queries import Query, bigquery_hook, fetch_rows

# What the API calls a type, and what a schema file calls it.
_DDL_TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
# Properties of a table that BigQuery can change in place.
_PROPERTIES = ("description", "clustering_fields", "require_partition_filter")


@dataclass(frozen=True)
class Difference:
    """What one table and its schema file do not agree on."""

    table: str
    # To add, in the file's order.
    new_columns: list[SchemaField] = field(default_factory=list)
    # To set, as `Client.update_table` names them.
    properties: list[str] = field(default_factory=list)
    # What cannot be applied, one line each.
    faults: list[str] = field(default_factory=list)


def ddl_type(column: SchemaField) -> str:
    """Return the type of a column as a schema file writes it."""
    name = _DDL_TYPES.get(column.field_type, column.field_type)
    if column.mode == "REPEATED":
        return f"ARRAY<{name}>"
    return f"{name} NOT NULL" if column.mode == "REQUIRED" else str(name)


def difference(table: str, existing: Table, wanted: Table) -> Difference:
    """Compare a table with what its schema file makes."""
    found = Difference(table)
    columns = {column.name: column for column in existing.schema}
    wanted_names = [column.name for column in wanted.schema]
    for name, column in columns.items():
        if name not in wanted_names:
            found.faults.append(
                f"{table}.{name} ({ddl_type(column)}) is not in its schema.sql, and nothing is dropped: "
                "put it back there, or drop the column by hand"
            )
    for column in wanted.schema:
        before = columns.get(column.name)
        if before is None:
            found.new_columns.append(column)
            if column.mode == "REQUIRED":
                found.faults.append(
                    f"{table}.{column.name} is new and {ddl_type(column)}, the rows of before have no value for it: "
                    "leave out NOT NULL"
                )
        elif ddl_type(before) != ddl_type(column):
            found.faults.append(
                f"{table}.{column.name} is {ddl_type(before)}, its schema.sql wants {ddl_type(column)}, and a type is "
                "never changed: add a column of another name"
            )
    kept = [name for name in columns if name in wanted_names]
    if not found.faults and wanted_names[: len(kept)] != kept:
        found.faults.append(
            f"{table} has its columns in the order {', '.join(kept)}: in schema.sql new ones must come after all others"
        )
    if _partitioning(existing) != _partitioning(wanted):
        found.faults.append(
            f"{table} is partitioned by {_partitioning(existing)}, its schema.sql wants {_partitioning(wanted)}, which "
            "BigQuery cannot change: keep it, or copy the table by hand"
        )
    found.properties.extend(name for name in _PROPERTIES if getattr(existing, name) != getattr(wanted, name))
    if _expiry(existing) != _expiry(wanted):
        found.properties.append("time_partitioning")
    if any(columns[name].description != _described(wanted)[name] for name in kept):
        found.properties.append("schema")
    return found


def additions(existing: Table, found: Difference) -> list[str]:
    """Return the statements that add the new columns; existing rows have NULL in them."""
    return [
        f"ALTER TABLE `{existing.reference}` ADD COLUMN IF NOT EXISTS `{column.name}` {ddl_type(column)}"
        for column in found.new_columns
    ]


def set_properties(client: Client, existing: Table, wanted: Table, found: Difference) -> None:
    """Set what BigQuery changes in place, once the new columns are there; their descriptions with it."""
    properties = sorted({*found.properties, *(["schema"] if found.new_columns else [])})
    if not properties:
        return
    table = client.get_table(existing.reference)
    table.schema = wanted.schema
    for name in _PROPERTIES:
        setattr(table, name, getattr(wanted, name))
    if "time_partitioning" in properties:
        table.time_partitioning = wanted.time_partitioning
    client.update_table(table, properties)


def _partitioning(table: Table) -> str:
    by_time = table.time_partitioning
    if by_time is None:
        return "nothing"
    return f"{by_time.type_} of {by_time.field}" if by_time.field else str(by_time.type_)


def _expiry(table: Table) -> int | None:
    return None if table.time_partitioning is None else table.time_partitioning.expiration_ms


def _described(table: Table) -> dict[str, str | None]:
    return {column.name: column.description for column in table.schema}


class MigrateTablesOperator(BaseOperator):
    """Migrate tables to their schema files; change none of them when one change is refused.

    Args:
        tables: names of the tables, which exist.
        create: creates the same tables, empty, in the staging dataset (templated).
        drop: drops these again, if they exist (templated).
    """

    template_fields: Sequence[str] = ("create", "drop")

    def __init__(self, *, settings: Settings, tables: Sequence[str], create: Query, drop: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.tables = tables
        self.create = create
        self.drop = drop

    def execute(self, context: Context) -> list[str]:
        """Compare and apply; return the names of the tables that have changed.

        Raises:
            AirflowFailException: one line with every difference that cannot be applied. No table was changed then.
        """
        client = bigquery_hook(self.settings).get_client(project_id=self.settings.project)
        expire_staging(client, self.settings)
        project = self.settings.project
        datasets = (f"{project}.{self.settings.dataset}", f"{project}.{self.settings.staging_dataset}")
        # A run that was killed may have left some.
        fetch_rows(self.settings, self.drop)
        try:
            fetch_rows(self.settings, self.create)
            pairs = {
                name: (client.get_table(f"{datasets[0]}.{name}"), client.get_table(f"{datasets[1]}.{name}"))
                for name in self.tables
            }
        finally:
            fetch_rows(self.settings, self.drop)
        found = [difference(name, *pair) for name, pair in pairs.items()]
        faults = [fault for one in found for fault in one.faults]
        if faults:
            raise AirflowFailException("; ".join(faults))
        changed = [one for one in found if one.new_columns or one.properties]
        for one in changed:
            columns = ", ".join(f"{column.name} {ddl_type(column)}" for column in one.new_columns)
            self.log.info(
                "%s: new columns %s; set %s", one.table, columns or "none", ", ".join(one.properties) or "nothing"
            )
            for statement in additions(pairs[one.table][0], one):
                # With the rendered labels of this task.
                fetch_rows(self.settings, self.create._replace(sql=statement))
            set_properties(client, *pairs[one.table], one)
        return [one.table for one in changed]


def expire_staging(client: Client, settings: Settings) -> None:
    """Let tables of the staging dataset that nobody drops expire when the settings say so."""
    dataset = client.get_dataset(f"{settings.project}.{settings.staging_dataset}")
    wanted = settings.staging_expiry_hours * 3600 * 1000
    if dataset.default_table_expiration_ms != wanted:
        dataset.default_table_expiration_ms = wanted
        client.update_dataset(dataset, ["default_table_expiration_ms"])
