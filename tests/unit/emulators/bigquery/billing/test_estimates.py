"""Bytes of statements, reckoned by hand and by adding up what the columns hold."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from bqemulator.catalog.models import RangePartitioning, TimePartitioning
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.bigquery.billing.estimates import Estimate
from tests.unit.emulators.bigquery.billing.warehouse import Tables, day

MIB = 1 << 20
DAILY = TimePartitioning(type="DAY", field="day")
#: The bytes of a row: 8 + (2 + 1) + 8, 8 + (2 + 2) + 8, and 8 + 0 + 8 for the second day.
CALLS = [(day(1), "a", 200), (day(1), "é", 404), (day(2), None, 500), (None, "abc", None)]


@pytest.fixture
def tables() -> Iterator[Tables]:
    """`calls` by day, `users` without partitions, and a view of both."""
    made = Tables()
    made.create("calls", {"day": "DATE", "path": "STRING", "status": "INTEGER"}, CALLS, DAILY)
    made.create("users", {"name": "STRING", "n": "INTEGER"}, [("a", 1), ("bcd", 2)])
    made.create_view("latest", "SELECT day, path AS page FROM d.calls")
    yield made
    made.connection.close()


@pytest.mark.parametrize(
    ("sql", "processed"),
    [
        ("SELECT 1", 0),
        ("SELECT COUNT(*) FROM d.calls", 0),
        ("SELECT status FROM d.calls", 3 * 8),
        ("SELECT path FROM d.calls LIMIT 1", 3 + 4 + 5),
        ("SELECT * FROM d.calls", 3 * 8 + 12 + 3 * 8),
        ("SELECT path FROM d.calls WHERE day = @first", 2 * 8 + 7),
        ("SELECT path FROM d.calls WHERE day = '2026-01-02'", 8),
        ("SELECT path FROM d.calls WHERE day > @first", 8),
        ("SELECT path FROM d.calls WHERE day = '2026-01-09'", 0),
        ("SELECT path FROM d.calls WHERE day IS NULL", 3 * 8 + 12),
        ("SELECT page FROM d.latest WHERE day IN UNNEST(@days)", 2 * 8 + 7),
        # A column of a partition counts once, whatever reads it.
        ("SELECT path FROM d.calls UNION ALL SELECT path FROM d.calls", 12),
        (
            "SELECT path FROM d.calls WHERE day = '2026-01-01' "
            "UNION ALL SELECT path FROM d.calls WHERE day = '2026-01-02'",
            3 * 8 + 7,
        ),
        ("WITH c AS (SELECT * FROM d.calls) SELECT a.path FROM c AS a JOIN c AS b ON a.path = b.path", 12),
        ("SELECT name FROM d.users, d.calls WHERE path = name", (3 + 5) + 12),
        ("CREATE TABLE d.new AS SELECT n FROM d.users", 16),
        ("INSERT INTO d.calls (path) SELECT name FROM d.users", 3 + 5),
        ("INSERT INTO d.calls (path) VALUES ('a')", 0),
        # What is read, and all columns of what is rewritten.
        ("UPDATE d.users SET n = 0 WHERE name = 'a'", (3 + 5) + (3 + 5 + 16)),
        ("DELETE FROM d.users WHERE TRUE", 3 + 5 + 16),
        ("DELETE FROM d.calls WHERE day = @first AND status = 404", (16 + 16) + (16 + 7 + 16)),
        ("UPDATE d.calls SET path = '' WHERE day = '2026-01-02'", 8 + (8 + 8)),
        ("DELETE FROM d.calls WHERE day = @first", 0),
        ("DELETE FROM d.calls WHERE day IN ('2026-01-01', '2026-01-02')", 0),
        ("TRUNCATE TABLE d.calls", 0),
        (
            "MERGE d.users AS u USING d.calls AS c ON u.name = c.path WHEN MATCHED THEN UPDATE SET n = c.status",
            8 + (12 + 24) + 24,
        ),
        (
            "MERGE d.users AS u USING d.calls AS c ON u.name = c.path "
            "WHEN NOT MATCHED THEN INSERT (name) VALUES (c.path)",
            8 + 12,
        ),
        ("DROP TABLE d.calls", 0),
        ("CREATE VIEW d.v AS SELECT path FROM d.calls", 0),
        ("SELECT path FROM d.missing", 0),
        ("SELEC path", 0),
    ],
)
def test_bytes_processed(tables: Tables, sql: str, processed: int) -> None:
    assert tables.estimate(sql, first=day(1), days=[day(1)]).processed == processed


def test_the_size_of_each_type() -> None:
    tables = Tables()
    values = {
        "INTEGER": (1, 8),
        "FLOAT": (1.5, 8),
        "BOOLEAN": (True, 1),
        "STRING": ("né", 2 + 3),
        "BYTES": (b"\x00\xff", 2 + 2),
        "DATE": (day(1), 8),
        "TIMESTAMP": (datetime(2026, 1, 1, tzinfo=UTC), 8),
        "DATETIME": (datetime(2026, 1, 1), 8),  # noqa: DTZ001 - has none
        "TIME": (datetime(2026, 1, 1, tzinfo=UTC).time(), 8),
        "NUMERIC": (1, 16),
        "ARRAY<INTEGER>": ([1, 2, 3], 24),
        "ARRAY<STRING>": (["a", "bc"], 3 + 4),
    }
    for number, (kind, (value, size)) in enumerate(values.items()):
        tables.create(f"t{number}", {"x": kind}, [(value,), (None,)])
        assert tables.estimate(f"SELECT x FROM d.t{number}").processed == size, kind


@pytest.mark.parametrize(
    ("by", "kind", "values", "condition", "left"),
    [
        (
            TimePartitioning(type="MONTH", field="at"),
            "DATE",
            [date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 9)],
            "at = '2026-02-20'",
            2,
        ),
        (
            TimePartitioning(type="YEAR", field="at"),
            "DATE",
            [date(2025, 1, 1), date(2026, 1, 1)],
            "at < '2025-06-01'",
            1,
        ),
        (
            DAILY.model_copy(update={"field": "at"}),
            "TIMESTAMP",
            [
                datetime(2026, 1, 1, 9, tzinfo=UTC),
                datetime(2026, 1, 1, 10, tzinfo=UTC),
                datetime(2026, 1, 2, tzinfo=UTC),
            ],
            "at BETWEEN '2026-01-01 09:30:00+00' AND '2026-01-01 09:40:00+00'",
            2,
        ),
        (
            DAILY.model_copy(update={"field": "at"}),
            "TIMESTAMP",
            [datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)],
            "DATE(at) = @first",
            1,
        ),
        (
            DAILY.model_copy(update={"field": "at"}),
            "TIMESTAMP",
            [datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)],
            "TIMESTAMP_TRUNC(at, DAY) = TIMESTAMP(@first)",
            1,
        ),
        (
            TimePartitioning(type="HOUR", field="at"),
            "TIMESTAMP",
            [datetime(2026, 1, 1, 9, 59, tzinfo=UTC), datetime(2026, 1, 1, 10, tzinfo=UTC)],
            "at >= TIMESTAMP '2026-01-01 10:00:00+00'",
            1,
        ),
        (
            RangePartitioning(field="at", start=0, end=100, interval=10),
            "INTEGER",
            [5, 15, 17, 99],
            "at BETWEEN 12 AND 13",
            2,
        ),
    ],
)
def test_partitions_of_each_kind_are_pruned(by: Any, kind: str, values: list[Any], condition: str, left: int) -> None:
    tables = Tables()
    tables.create("t", {"at": kind}, [(value,) for value in values], by)
    assert tables.estimate(f"SELECT at FROM d.t WHERE {condition}", first=day(1)).processed == 8 * left
    assert tables.estimate("SELECT at FROM d.t").processed == 8 * len(values)


def test_a_partition_of_more_than_a_day_is_not_dropped_for_nothing() -> None:
    tables = Tables()
    tables.create("t", {"at": "DATE"}, [(day(1),), (day(2),)], TimePartitioning(type="MONTH", field="at"))
    assert tables.estimate("DELETE FROM d.t WHERE at = @first", first=day(1)).processed == 2 * (8 + 8)


def test_a_change_counts(tables: Tables) -> None:
    sql = "SELECT status FROM d.calls WHERE day = '2026-01-02'"
    assert tables.estimate(sql).processed == 16
    tables.execute("""INSERT INTO "p__d"."calls" VALUES ('2026-01-02', 'x', 1), ('2026-01-03', 'x', 1)""")
    assert tables.estimate(sql).processed == 32
    assert tables.estimate("SELECT status FROM d.calls WHERE day = '2026-01-03'").processed == 16
    tables.execute("""DELETE FROM "p__d"."calls" WHERE path = 'x'""")
    assert tables.estimate(sql).processed == 16


def test_what_has_not_changed_is_counted_once(tables: Tables) -> None:
    sql = "SELECT status FROM d.calls WHERE day = '2026-01-02'"
    before = tables.estimate(sql)
    tables.connection.execute("""DELETE FROM "p__d"."calls" """)  # nobody says so
    assert tables.estimate(sql) == before


@pytest.mark.parametrize(
    ("bytes_of", "billed"),
    [
        ({}, 0),
        ({"a": 0}, 0),
        ({"a": 1}, 10 * MIB),
        ({"a": 1, "b": 1}, 20 * MIB),
        ({"a": 1, "b": 0}, 10 * MIB),
        ({"a": 10 * MIB + 1}, 11 * MIB),
        ({"a": 10 * MIB + 1, "b": 20 * MIB + 1}, 31 * MIB),
    ],
)
def test_bytes_billed(bytes_of: dict[str, int], billed: int) -> None:
    assert Estimate({("p", "d", table): size for table, size in bytes_of.items()}).billed == billed


_ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(1, 28).map(day),
        st.none() | st.text(max_size=5).filter(lambda text: "\0" not in text),
        st.none() | st.integers(0, 9),
        st.none() | st.binary(max_size=4),
        st.none() | st.booleans(),
    ),
    max_size=30,
)
_COLUMNS = ("day", "s", "n", "b", "t")


def _naive(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1
    if isinstance(value, str | bytes):
        return 2 + len(value.encode() if isinstance(value, str) else value)
    return 8


@given(
    rows=_ROWS,
    columns=st.sets(st.sampled_from(_COLUMNS), min_size=1),
    first=st.integers(1, 28),
    length=st.integers(0, 28),
)
@settings(max_examples=60, deadline=None)
def test_bytes_are_those_of_the_values_of_the_columns(
    rows: list[tuple[Any, ...]], columns: set[str], first: int, length: int
) -> None:
    tables = Tables()
    kinds = ("DATE", "STRING", "INTEGER", "BYTES", "BOOLEAN")
    tables.create("t", dict(zip(_COLUMNS, kinds, strict=True)), rows, DAILY)
    last = min(28, first + length)
    read = [row for row in rows if row[0] is not None and day(first) <= row[0] <= day(last)]
    expected = sum(_naive(row[_COLUMNS.index(column)]) for row in read for column in columns | {"day"})
    sql = f"SELECT {', '.join(sorted(columns))} FROM d.t WHERE day BETWEEN @first AND @last"
    assert tables.estimate(sql, first=day(first), last=day(last)).processed == expected
    everything = sum(_naive(value) for row in rows for value in row)
    assert tables.estimate("SELECT * FROM d.t").processed == everything
    tables.connection.close()
