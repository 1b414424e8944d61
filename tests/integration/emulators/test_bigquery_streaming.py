"""What may change a table while rows are streamed into it, and while others change it: docs/service-rules.md."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from local_stack.running import RunningStack
from tests.appends import append

pytestmark = pytest.mark.integration

DATASET = "streaming"
ROW = pa.record_batch({"n": [1]})
IN_A_TRANSACTION = "BEGIN TRANSACTION; {}; COMMIT TRANSACTION"
CHANGES = {
    "update": "UPDATE {} SET n = 2 WHERE n = 7",
    "delete": "DELETE FROM {} WHERE n = 7",
    "merge": "MERGE {} USING (SELECT 7 AS n) AS s ON FALSE WHEN NOT MATCHED THEN INSERT (n) VALUES (n)",
    "truncate": "TRUNCATE TABLE {}",
}
STREAMED = "would affect rows in the streaming buffer, which is not supported"


@pytest.fixture
def table(client: bigquery.Client) -> Iterator[str]:
    """A table without rows."""
    name = f"{DATASET}.landed"
    run(client, f"CREATE OR REPLACE TABLE {name} (n INT64)")
    yield name
    client.delete_table(name)


@pytest.fixture
def set_clock(emulators: RunningStack) -> Iterator[Callable[[timedelta], None]]:
    yield emulators.set_clock_ahead
    emulators.set_clock_ahead(timedelta())


def run(client: bigquery.Client, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in client.query(sql, job_retry=None).result(job_retry=None)]


def insert_all(client: bigquery.Client, table: str) -> None:
    project_table = f"{client.project}.{table}"
    assert client.insert_rows_json(project_table, [{"n": 1}]) == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_transaction_changes_no_table_that_took_streamed_rows_within_the_hour(
    emulators, client, table, set_clock, change
):
    sql = IN_A_TRANSACTION.format(change.format(table))
    run(client, sql)
    append(emulators, table, ROW)
    with pytest.raises(BadRequest, match=STREAMED) as refused:
        run(client, f"CREATE TABLE IF NOT EXISTS {table} (n INT64); " + sql)
    assert refused.value.errors[0]["reason"] == "invalidQuery"
    run(client, IN_A_TRANSACTION.format(f"INSERT INTO {table} (n) SELECT n + 1 FROM {table}"))
    assert run(client, f"SELECT n FROM {table} WHERE n < 3 ORDER BY n") == [(1,), (2,)]
    set_clock(timedelta(minutes=59))
    with pytest.raises(BadRequest, match=STREAMED):
        run(client, sql)
    set_clock(timedelta(hours=1))
    run(client, sql)


def test_a_statement_outside_of_transactions_changes_rows_of_the_storage_write_api(emulators, client, table):
    append(emulators, table, ROW)
    run(client, f"UPDATE {table} SET n = 2 WHERE n = 1")
    run(client, f"SELECT 1; DELETE FROM {table} WHERE n = 2")
    assert run(client, f"SELECT n FROM {table}") == []
    for sql in (f"TRUNCATE TABLE {table}", f"ALTER TABLE {table} RENAME TO renamed"):
        with pytest.raises(BadRequest, match=rf"over table {client.project}\.{DATASET}\.landed "):
            run(client, sql)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_changes_a_table_with_rows_of_insert_all(client, table, set_clock, change):
    insert_all(client, table)
    with pytest.raises(BadRequest, match=STREAMED):
        run(client, change.format(table))
    set_clock(timedelta(hours=1))
    run(client, change.format(table))


def test_a_new_table_of_the_name_may_be_changed(emulators, client, table):
    append(emulators, table, ROW)
    run(client, f"CREATE OR REPLACE TABLE {table} (n INT64)")
    run(client, IN_A_TRANSACTION.format(CHANGES["truncate"].format(table)))


def test_a_restart_forgets_neither_rows_nor_the_clock(emulators, client, table, set_clock):
    append(emulators, table, ROW)
    sql = IN_A_TRANSACTION.format(CHANGES["delete"].format(table))
    emulators.kill("bigquery")
    with pytest.raises(BadRequest, match=STREAMED):
        run(client, sql)
    set_clock(timedelta(hours=1))
    emulators.kill("bigquery")
    run(client, sql)


def test_statements_and_views_see_the_clock(client, set_clock):
    view = f"{DATASET}.clock"
    run(client, f"CREATE OR REPLACE VIEW {view} AS SELECT CURRENT_TIMESTAMP() AS moment")
    now = f"SELECT CURRENT_TIMESTAMP(), CURRENT_DATE(), CURRENT_DATE('UTC'), CURRENT_TIME(), moment FROM {view}"
    ((before, *_),) = run(client, now)
    set_clock(timedelta(days=400))
    ((moment, day, day_in_utc, time, of_view),) = run(client, now)
    assert timedelta(days=400) <= moment - before < timedelta(days=401)
    assert (moment.date(), moment.time()) == (day, time)
    assert day_in_utc == day
    assert of_view == moment
    set_clock(timedelta())
    ((after, *_),) = run(client, now)
    assert after - before < timedelta(days=1)


def count_up(counter: str) -> str:
    """A transaction that changes a table and then does more, so that others come in between."""
    more = "SELECT 1;" * 30
    return f"BEGIN TRANSACTION; UPDATE {counter} SET n = n + 1 WHERE TRUE; {more} COMMIT TRANSACTION"


def at_once(emulators: RunningStack, scripts: list[str], done: Callable[[list[str]], bool]) -> list[str]:
    """Run scripts, each in a thread of its own, again and again until `done`; return the errors."""
    errors: list[str] = []

    def work(sql: str) -> None:
        with emulators.bigquery() as own:
            for _ in range(20):
                try:
                    run(own, sql)
                except BadRequest as error:
                    errors.append(error.message)
                if done(errors):
                    return

    threads = [threading.Thread(target=work, args=(sql,)) for sql in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_the_later_of_two_transactions_that_change_a_table_is_aborted(emulators, client, table):
    run(client, f"INSERT INTO {table} (n) VALUES (0), (0)")
    halves = [count_up(f"{table}").replace("WHERE TRUE", f"WHERE MOD(n, 2) = {half}") for half in range(2)]
    errors = at_once(emulators, [*halves, count_up(table)], lambda errors: len(errors) > 0)
    assert errors
    message = (
        rf"Transaction is aborted due to concurrent update against table {client.project}:{table}. Transaction ID: "
    )
    assert all(message in error for error in errors)


def test_a_statement_alone_waits_for_transactions(emulators, client, table):
    run(client, f"INSERT INTO {table} (n) VALUES (0)")
    alone = f"UPDATE {table} SET n = n + 1 WHERE TRUE"
    transactions = [count_up(table)] * 2
    errors = at_once(emulators, [*transactions, alone, alone], lambda _: False)
    assert all("Transaction is aborted" in error for error in errors)
    assert run(client, f"SELECT n FROM {table}") == [(80 - len(errors),)]
