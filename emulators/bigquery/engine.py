"""DuckDB with a bounded memory, that reaches no file beside those that the emulator puts into one folder."""

import os
from pathlib import Path
from typing import Any

import duckdb
from bqemulator.storage.engine import DuckDBEngine

from emulators.bigquery.billing.column_sizes import KEPT, changed_table

_LOCK = (
    "SET GLOBAL TimeZone = 'UTC'",  # connections made later inherit it
    "SET allow_community_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET allowed_directories = ['{}']",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


def transfers(data_dir: Path) -> Path:
    """Return the only folder whose files DuckDB may be told to read or write."""
    return data_dir / "transfers"


def quarter_of_the_machine() -> int:
    """Return a quarter of the machine's memory in MiB."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // 2**20


class LockedEngine(DuckDBEngine):
    """The engine; replaces bqemulator's own.

    Attributes:
        memory: MiB that pages of tables and queries take before DuckDB reads again or spills; None: a quarter of the
            machine's memory, where DuckDB by itself would take four fifths.
    """

    memory: int | None = None

    async def start(self) -> None:
        """Open the database, then give up whatever a statement could reach the machine by."""
        await super().start()
        if self._settings.data_dir is None:
            raise ValueError("the emulator needs a data folder")
        folder = transfers(self._settings.data_dir)
        folder.mkdir(exist_ok=True)
        self.execute(f"SET memory_limit = '{self.memory or quarter_of_the_machine()}MiB'")
        for statement in _LOCK:
            self.execute(statement.format(str(folder).replace("'", "''")))

    def execute(self, sql: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run a statement; the bytes of the table that it changes are counted again."""
        try:
            return super().execute(sql, parameters)
        finally:
            if (table := changed_table(sql)) is not None:
                KEPT.forget(table)
