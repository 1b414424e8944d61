"""What a script's transaction shows to others, and what others do to it, on a DuckDB of its own."""

from collections.abc import Iterator
from types import SimpleNamespace

import duckdb
import pytest
from bqemulator.domain.errors import InvalidQueryError

from emulators.bigquery.sql.transactions import ScriptTransaction
from emulators.bigquery.table_changes import TableChanges


@pytest.fixture
def engine() -> Iterator[SimpleNamespace]:
    """The part of bqemulator's engine that a transaction needs, with a day of two rows."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE landed AS SELECT 'old' AS version, unnest([1, 2]) AS number")
    yield SimpleNamespace(connection=connection, changes=TableChanges())
    connection.close()


def versions(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [version for (version,) in connection.execute("SELECT version FROM landed ORDER BY number").fetchall()]


def replace(transaction: ScriptTransaction, version: str) -> None:
    transaction.begin()
    transaction.execute("DELETE FROM landed WHERE version = 'old'")
    transaction.execute(f"INSERT INTO landed SELECT '{version}', unnest([1, 2, 3])")


def test_others_see_the_old_day_until_the_commit(engine: SimpleNamespace) -> None:
    transaction = ScriptTransaction(engine)
    replace(transaction, "new")
    assert versions(transaction.connection) == ["new"] * 3
    assert versions(engine.connection) == ["old"] * 2
    transaction.end("COMMIT")
    assert versions(engine.connection) == ["new"] * 3
    assert transaction.connection is engine.connection


def test_a_rollback_leaves_what_was_appended_meanwhile(engine: SimpleNamespace) -> None:
    transaction = ScriptTransaction(engine)
    replace(transaction, "new")
    engine.connection.cursor().execute("INSERT INTO landed VALUES ('appended', 9)")
    transaction.end("ROLLBACK")
    assert versions(engine.connection) == ["old", "old", "appended"]
    transaction.end("ROLLBACK")


def test_one_of_two_that_change_the_same_rows_is_aborted(engine: SimpleNamespace) -> None:
    first, second = ScriptTransaction(engine), ScriptTransaction(engine)
    replace(first, "first")
    with pytest.raises(InvalidQueryError, match="aborted due to concurrent update"):
        replace(second, "second")
    second.end("ROLLBACK")
    first.end("COMMIT")
    assert versions(engine.connection) == ["first"] * 3
