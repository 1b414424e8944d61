"""Tables and partitions that expire, for the BigQuery emulator.

bqemulator 1.4.0 keeps what is said of expiry, and everything that has expired. Here it is gone before the next job.
"""

from datetime import UTC, date, datetime, timedelta

import duckdb
from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.catalog.models import TableMeta
from bqemulator.storage.sql_identifiers import quoted_table_ref

from emulators.bigquery import records
from emulators.bigquery.billing.column_sizes import KEPT


class ExpiringTables(DuckDBCatalogRepository):
    """A catalog whose new tables expire as their dataset has it."""

    def create_table(self, table: TableMeta) -> TableMeta:
        """Enter a table."""
        return super().create_table(self._with_expiry(table))

    def update_table(self, table: TableMeta) -> TableMeta:
        """Enter a table in the place of one of its name."""
        return super().update_table(self._with_expiry(table))

    def _write_table(self, table: TableMeta) -> None:
        row = {
            "project_id": table.project_id,
            "dataset_id": table.dataset_id,
            "table_id": table.table_id,
            "table_type": table.table_type,
            "metadata_json": table.model_dump_json(by_alias=True),
            "creation_time": table.creation_time,
            "last_modified_time": table.last_modified_time,
            "num_rows": table.num_rows,
            "num_bytes": table.num_bytes,
            "etag": table.etag,
        }
        records.write(self._engine, "tables", row, ("project_id", "dataset_id", "table_id"))

    def all_tables(self) -> list[TableMeta]:
        """Return the tables of all datasets."""
        return list(self._cache._tables.values())

    def _with_expiry(self, table: TableMeta) -> TableMeta:
        dataset = self.get_dataset(table.project_id, table.dataset_id)
        if dataset is None or table.creation_time != table.last_modified_time:
            return table
        of_partitions, of_tables = dataset.default_partition_expiration_ms, dataset.default_table_expiration_ms
        by = table.time_partitioning
        if by is not None and of_partitions:
            if by.expiration_ms is not None:
                return table
            dated = by.model_copy(update={"expiration_ms": of_partitions})
            return table.model_copy(update={"time_partitioning": dated})
        if of_tables is None or table.expiration_time is not None:
            return table
        expires = table.creation_time + timedelta(milliseconds=of_tables)
        return table.model_copy(update={"expiration_time": expires})


def is_expired(table: TableMeta, now: datetime) -> bool:
    """Tell whether a table is no longer there."""
    return table.expiration_time is not None and table.expiration_time <= now


async def expire(ctx: AppContext) -> None:
    """Drop the tables and partitions that have expired."""
    now = ctx.clock.now()
    for table in ctx.catalog.all_tables() if isinstance(ctx.catalog, ExpiringTables) else ():
        if is_expired(table, now):
            await _drop(table, ctx)
        elif table.time_partitioning and table.time_partitioning.expiration_ms and table.time_partitioning.field:
            await _drop_partitions(table, timedelta(milliseconds=table.time_partitioning.expiration_ms), now, ctx)


async def _drop(table: TableMeta, ctx: AppContext) -> None:
    kind = "VIEW" if table.table_type == "VIEW" else "TABLE"
    path = (table.project_id, table.dataset_id, table.table_id)
    async with ctx.engine.write_lock():
        ctx.engine.execute(f"DROP {kind} IF EXISTS {quoted_table_ref(*path)}")
        ctx.catalog.delete_table(*path, not_found_ok=True)


async def _drop_partitions(table: TableMeta, age: timedelta, now: datetime, ctx: AppContext) -> None:
    """Drop the partitions that began that long ago; what a transaction is changing stays until the next time."""
    try:
        columns = KEPT.of(table, ctx.engine.connection)
    except duckdb.CatalogException:
        return
    expired = [first for first in columns.partitions((), {}) if first is not None and _moment(first) + age <= now]
    if not expired:
        return
    async with ctx.engine.write_lock():
        try:
            ctx.engine.execute(
                f"DELETE FROM {quoted_table_ref(table.project_id, table.dataset_id, table.table_id)} "
                f"WHERE {columns.first} <= ?",
                [max(expired)],
            )
        except duckdb.TransactionException:
            return


def _moment(first: date | datetime) -> datetime:
    moment = first if isinstance(first, datetime) else datetime(first.year, first.month, first.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
