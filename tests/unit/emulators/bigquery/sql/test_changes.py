"""What a statement changes, and why it may not while rows are streamed or another transaction is open."""

import asyncio
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from bqemulator.catalog.models import TableMeta
from bqemulator.domain.errors import InvalidQueryError

from emulators.bigquery.sql.changes import changed_table, refusal
from emulators.bigquery.streaming_buffer import RECENTLY, StreamingApi, StreamingBuffer
from emulators.bigquery.table_changes import OpenTransaction, TableChanges

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TABLE = ("p", "d", "t")
OTHER = ("p", "d", "other")
WRITTEN, INSERTED = StreamingApi.STORAGE_WRITE, StreamingApi.INSERT_ALL


def meta(created: datetime = NOW) -> TableMeta:
    project, dataset, name = TABLE
    times = {"creation_time": created, "last_modified_time": created}
    return TableMeta(project_id=project, dataset_id=dataset, table_id=name, etag="e", **times)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA _bqemulator_catalog")
        yield connection


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE d.t SET n = 1 WHERE TRUE", "UPDATE"),
        ("DELETE FROM `p.d.t` WHERE n IN (SELECT n FROM d.other)", "DELETE"),
        ("DELETE d.t AS old WHERE old.n = 1", "DELETE"),
        ("MERGE INTO d.t AS a USING d.other AS b ON a.n = b.n WHEN NOT MATCHED THEN INSERT ROW", "MERGE"),
        ("TRUNCATE TABLE p.d.t", "TRUNCATE TABLE"),
        ("ALTER TABLE d.t RENAME TO u", "ALTER TABLE RENAME TO"),
    ],
)
def test_statements_that_change_rows_or_the_name(sql, kind):
    assert changed_table(sql, "p") == (kind, TABLE)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO d.t SELECT 1",
        "INSERT INTO d.t (n) SELECT n FROM d.other",
        "SELECT * FROM d.t",
        "ALTER TABLE d.t ADD COLUMN m INT64",
        "DROP TABLE d.t",
        "DELETE FROM temporary WHERE TRUE",
        "DELETE FROM FROM",
    ],
)
def test_other_statements_do_not(sql):
    assert changed_table(sql, "p") is None


@pytest.mark.parametrize(
    ("kind", "api", "in_transaction", "refused"),
    [
        (
            "DELETE",
            WRITTEN,
            True,
            "UPDATE or DELETE statement over table p.d.t would affect rows in the streaming buffer",
        ),
        (
            "UPDATE",
            WRITTEN,
            True,
            "UPDATE or DELETE statement over table p.d.t would affect rows in the streaming buffer",
        ),
        ("MERGE", WRITTEN, True, "MERGE statement over table p.d.t would affect rows in the streaming buffer"),
        ("TRUNCATE TABLE", WRITTEN, True, "TRUNCATE TABLE statement over table p.d.t would affect rows"),
        ("DELETE", WRITTEN, False, None),
        ("UPDATE", WRITTEN, False, None),
        ("MERGE", WRITTEN, False, None),
        ("TRUNCATE TABLE", WRITTEN, False, "TRUNCATE TABLE statement over table p.d.t would affect rows"),
        ("ALTER TABLE RENAME TO", WRITTEN, False, "is not supported while data is streamed into it"),
        (
            "DELETE",
            INSERTED,
            False,
            "UPDATE or DELETE statement over table p.d.t would affect rows in the streaming buffer",
        ),
        ("MERGE", INSERTED, False, "MERGE statement over table p.d.t would affect rows in the streaming buffer"),
        (
            "DELETE",
            INSERTED,
            True,
            "UPDATE or DELETE statement over table p.d.t would affect rows in the streaming buffer",
        ),
    ],
)
def test_recently_streamed_rows(connection, kind, api, in_transaction, refused):
    buffer = StreamingBuffer(connection)
    assert refusal(kind, meta(), buffer, NOW, in_transaction=in_transaction) is None
    buffer.note(meta(), api, NOW)
    reason = refusal(kind, meta(), buffer, NOW + RECENTLY - timedelta(seconds=1), in_transaction=in_transaction)
    assert (reason is None) if refused is None else (reason is not None and refused in reason)
    assert refusal(kind, meta(), buffer, NOW + RECENTLY, in_transaction=in_transaction) is None


def test_a_restart_forgets_no_streamed_rows(connection):
    buffer = StreamingBuffer(connection)
    buffer.note(meta(), WRITTEN, NOW - timedelta(minutes=30))
    buffer.note(meta(NOW - RECENTLY), WRITTEN, NOW)
    after = StreamingBuffer(connection)
    assert after.holds(meta(NOW - RECENTLY), WRITTEN, NOW + RECENTLY - timedelta(seconds=1))
    assert not after.holds(meta(NOW - RECENTLY), INSERTED, NOW)


def test_a_new_table_of_the_same_name_has_no_streamed_rows(connection):
    buffer = StreamingBuffer(connection)
    buffer.note(meta(), WRITTEN, NOW)
    made_again = meta(NOW + timedelta(milliseconds=10))
    assert not buffer.holds(made_again, WRITTEN, NOW + timedelta(milliseconds=20))
    buffer.note(made_again, WRITTEN, NOW + timedelta(milliseconds=30))
    assert buffer.holds(made_again, WRITTEN, NOW + timedelta(milliseconds=40))


def aborted(changes: TableChanges, transaction: OpenTransaction) -> bool:
    try:
        changes.change(TABLE, transaction)
    except InvalidQueryError as error:
        return "aborted due to concurrent update against table p:d.t. Transaction ID: " in error.message
    return False


def test_of_two_transactions_the_later_one_is_aborted():
    changes = TableChanges()
    first, second = changes.begin(), changes.begin()
    changes.change(OTHER, second)
    for _ in range(2):
        assert not aborted(changes, first)
    assert aborted(changes, second)
    changes.end(second, committed=False)
    changes.change(OTHER, first)


@pytest.mark.parametrize("committed", [True, False])
def test_a_transaction_sees_what_was_changed_since_it_began(committed):
    changes = TableChanges()
    first, second = changes.begin(), changes.begin()
    changes.change(TABLE, first)
    changes.end(first, committed=committed)
    assert aborted(changes, second) is committed
    changes.end(second, committed=False)
    assert not aborted(changes, changes.begin())


def test_a_statement_alone_waits_for_the_end_of_a_transaction():
    async def run() -> list[str]:
        changes, happened = TableChanges(), []

        async def change_alone() -> None:
            await changes.change_alone(TABLE)
            happened.append("changed")

        await changes.change_alone(TABLE)
        for committed in (True, False):
            transaction, before = changes.begin(), changes.begin()
            changes.change(TABLE, transaction)
            waiting = asyncio.create_task(change_alone())
            await asyncio.sleep(0.01)
            happened.append("ended")
            changes.end(transaction, committed=committed)
            await waiting
            assert aborted(changes, before), "the statement has changed the table since"
        return happened

    assert asyncio.run(run()) == ["ended", "changed"] * 2
