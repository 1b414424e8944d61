"""DuckDB with a bounded memory, that reaches no file beside those that the emulator puts into one folder."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
from bqemulator.config import Settings
from bqemulator.storage.engine import DuckDBEngine

from emulators.bigquery.billing.column_sizes import KEPT, changed_table
from emulators.bigquery.functions.rewriting import create_macros
from emulators.bigquery.heap import trim
from emulators.bigquery.streaming_buffer import StreamingBuffer
from emulators.bigquery.table_changes import TableChanges
from emulators.clock import Clock

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
#: DuckDB's functions of the time that bqemulator's SQL has, and what they make of an instant.
_TIMES = {
    "get_current_timestamp": "({})",
    "current_date": "CAST(({}) AT TIME ZONE 'UTC' AS DATE)",
    "get_current_time": "CAST(({}) AT TIME ZONE 'UTC' AS TIME)",
}


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
        trim_seconds: From one time that free memory is given back to the next.
        clock: What statements are told of the time.
        streaming_buffer: There once it has started.
        changes: Of tables by statements.
    """

    memory: int | None = None
    trim_seconds = 60.0
    clock = Clock()
    streaming_buffer: StreamingBuffer
    _ahead = timedelta()

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.changes = TableChanges()

    async def start(self) -> None:
        """Open the database, then give up whatever a statement could reach the machine by."""
        await super().start()
        if self._settings.data_dir is None:
            raise ValueError("the emulator needs a data folder")
        folder = transfers(self._settings.data_dir)
        folder.mkdir(exist_ok=True)
        self.execute(f"SET memory_limit = '{self.memory or quarter_of_the_machine()}MiB'")
        # A copy of each file that is loaded, which nobody reads again.
        self.execute("SET enable_external_file_cache = false")
        for statement in _LOCK:
            self.execute(statement.format(str(folder).replace("'", "''")))
        create_macros(self)
        self.streaming_buffer = StreamingBuffer(self.connection.cursor())
        self._tell_time(self.clock.ahead())
        self._trimming = asyncio.create_task(trim(self.trim_seconds))

    def follow_clock(self) -> None:
        """Let statements see the time of the clock from now on, those of views and of transactions too."""
        ahead = self.clock.ahead()
        if ahead != self._ahead:
            self._tell_time(ahead)

    def _tell_time(self, ahead: timedelta) -> None:
        # DuckDB looks for a macro of the database before it takes its own function of that name.
        own = "SELECT function_name FROM duckdb_functions() WHERE schema_name = 'main' AND NOT internal"
        for (function,) in self.execute(own).fetchall():
            if function in _TIMES:
                self.execute(f"DROP MACRO main.{function}")
        instant = f"now() + INTERVAL '{ahead // timedelta(microseconds=1)} microseconds'"
        for function, value in _TIMES.items() if ahead else ():
            self.execute(f"CREATE MACRO main.{function}() AS {value.format(instant)}")
        self._ahead = ahead

    def execute(self, sql: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run a statement; the bytes of the table that it changes are counted again."""
        try:
            return super().execute(sql, parameters)
        finally:
            if (table := changed_table(sql)) is not None:
                KEPT.forget(table)
