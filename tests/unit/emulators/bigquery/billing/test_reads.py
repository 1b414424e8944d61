"""Which columns of which tables a statement reads, and what limits their partitions."""

import pytest

from emulators.bigquery.billing.pruning import bound_sql, of_bounds
from emulators.bigquery.billing.reads import usage
from emulators.bigquery.billing.sources import Definition, Path
from emulators.bigquery.parsing import statements

DAY = "_first <= $day AND _last >= $day"
CALLS, USERS, ALL_DAYS, LATEST = (("p", "d", name) for name in ("calls", "users", "all_days", "latest"))
VIEWS = {
    ALL_DAYS: "SELECT day, path FROM d.calls UNION ALL SELECT day, name FROM d.users",
    LATEST: "SELECT * FROM d.calls WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY path ORDER BY day DESC) = 1",
}


def lookup(path: Path) -> Definition | None:
    if path == CALLS:
        return Definition(path, ("day", "path", "status", "tags"), "day")
    if path == USERS:
        return Definition(path, ("day", "name", "path"), "day")
    return Definition(path, view=statements(VIEWS[path])[0]) if path in VIEWS else None


def reads(sql: str) -> list[tuple[str, str, str]]:
    """Return each reading as the name of the table, its columns and its conditions on partitions."""
    found = []
    for read in usage(statements(sql)[0], "p", lookup, {"wanted"}).reads:
        bounds = [condition for limit in read.limits if (condition := of_bounds(limit)) is not None]
        limits = [bound_sql(one, {"day": 1, "days": [1], "wanted": 1})[0] for one in bounds]
        found.append((read.path[2], " ".join(sorted(read.columns)), " AND ".join(limits)))
    return found


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT path FROM d.calls", "path"),
        ("SELECT path FROM p.d.calls", "path"),
        ("SELECT PATH FROM `p.d.calls` AS c ORDER BY c.Status", "path status"),
        ("SELECT * FROM d.calls", "day path status tags"),
        ("SELECT c.* EXCEPT (tags) FROM d.calls AS c", "day path status"),
        ("SELECT COUNT(*) FROM d.calls", ""),
        ("SELECT 1 AS path FROM d.calls GROUP BY status HAVING COUNT(tags) > 1", "status tags"),
        ("SELECT path FROM (SELECT * FROM d.calls)", "path"),
        ("SELECT path FROM (SELECT DISTINCT path, status FROM d.calls)", "path status"),
        ("SELECT path FROM (SELECT path, SUM(status) AS s FROM d.calls GROUP BY 1 HAVING s > 1)", "path status"),
        ("SELECT path FROM (SELECT path, status FROM d.calls GROUP BY ALL)", "path status"),
        ("SELECT tag FROM d.calls, UNNEST(tags) AS tag WITH OFFSET AS n WHERE n = 0", "tags"),
        ("SELECT tag FROM d.calls AS c, c.tags AS tag", "tags"),
        ("SELECT TO_JSON(c) FROM d.calls AS c", "day path status tags"),
        ("SELECT tags.name FROM d.calls", "tags"),
        ("SELECT (SELECT MAX(tag) FROM UNNEST(tags) AS tag) FROM d.calls", "tags"),
        ("SELECT MAX(n) FROM (SELECT 1 AS n UNION ALL SELECT status FROM d.calls)", "status"),
        ("SELECT ROW_NUMBER() OVER w FROM d.calls WINDOW w AS (PARTITION BY path ORDER BY day)", "day path"),
        ("CREATE TABLE d.new AS SELECT path FROM d.calls", "path"),
        ("INSERT INTO d.users (name) SELECT path FROM d.calls", "path"),
        ("INSERT INTO d.users (name) VALUES ((SELECT MIN(path) FROM d.calls))", "path"),
        ("SELECT path FROM d.calls FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()", "path"),
        (
            "WITH RECURSIVE c AS (SELECT status FROM d.calls UNION ALL SELECT status + 1 FROM c) SELECT * FROM c",
            "status",
        ),
    ],
)
def test_columns_that_a_query_needs(sql: str, columns: str) -> None:
    assert reads(sql) == [("calls", columns, "")]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT c.status FROM d.calls AS c JOIN d.users AS u USING (path)",
            [("calls", "path status"), ("users", "path")],
        ),
        ("SELECT name FROM d.calls LEFT JOIN d.users ON status = 1", [("calls", "status"), ("users", "name")]),
        ("SELECT 1 FROM (d.calls JOIN d.users USING (path))", [("calls", "path"), ("users", "path")]),
        (
            "SELECT status FROM d.calls WHERE path IN (SELECT name FROM d.users)",
            [("users", "name"), ("calls", "path status")],
        ),
        (
            "SELECT 1 FROM d.calls AS c WHERE EXISTS (SELECT * FROM d.users AS u WHERE u.name = c.path)",
            [("users", "name"), ("calls", "path")],
        ),
        (
            "WITH c AS (SELECT * FROM d.calls) SELECT a.path FROM c AS a JOIN c AS b ON a.day = b.day",
            [("calls", "day path")],
        ),
        ("WITH c AS (SELECT * FROM d.calls), e AS (SELECT * FROM c) SELECT status FROM e", [("calls", "status")]),
        ("WITH c AS (SELECT * FROM d.calls) SELECT 1", []),
        ("SELECT path FROM d.all_days", [("calls", "path"), ("users", "name")]),
        ("SELECT status FROM d.latest", [("calls", "day path status")]),
        ("SELECT x FROM d.missing", []),
        ("SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES", []),
        ("CREATE VIEW d.v AS SELECT path FROM d.calls", []),
        ("DROP TABLE d.calls", []),
    ],
)
def test_several_tables_and_none(sql: str, expected: list[tuple[str, str]]) -> None:
    assert [read[:2] for read in reads(sql)] == expected


@pytest.mark.parametrize(
    ("condition", "limit"),
    [
        ("day = @day", DAY),
        ("@day = day AND status = 1", DAY),
        ("day = wanted", "_first <= $wanted AND _last >= $wanted"),
        ("day >= @day", "_last >= $day"),
        ("@day > day", "_first < $day"),
        ("day BETWEEN @day AND '2026-01-01'", "_last >= $day AND _first <= '2026-01-01'"),
        (
            "(day = '2026-01-01' OR day = '2026-01-02')",
            "(_first <= '2026-01-01' AND _last >= '2026-01-01') OR (_first <= '2026-01-02' AND _last >= '2026-01-02')",
        ),
        ("day IN ('2026-01-01')", "_first <= '2026-01-01' AND _last >= '2026-01-01'"),
        ("DATE_TRUNC(day, MONTH) < @day", "DATE_TRUNC('MONTH', _first) < $day"),
        (
            "day = DATE_SUB(@day, INTERVAL 1 DAY)",
            "_first <= $day - INTERVAL '1' DAY AND _last >= $day - INTERVAL '1' DAY",
        ),
        (
            "day IN UNNEST(@days)",
            "EXISTS(SELECT 1 FROM (SELECT UNNEST($days) AS one) WHERE _first <= one AND _last >= one)",
        ),
        ("day = (SELECT MAX(name) FROM d.users)", ""),
        ("day = path", ""),
        ("day = @day OR status = 1", ""),
        ("NOT day = @day", ""),
        ("FORMAT_DATE('%a', day) = 'Mon'", ""),
        ("DATE_ADD(day, INTERVAL status DAY) = @day", ""),
        ("status = 1", ""),
    ],
)
def test_constants_limit_the_partitions(condition: str, limit: str) -> None:
    assert reads(f"SELECT path FROM d.calls WHERE {condition}")[-1][2] == limit


@pytest.mark.parametrize(
    ("sql", "limits"),
    [
        ("SELECT path FROM (SELECT * FROM d.calls) WHERE day = @day", [DAY]),
        ("SELECT path FROM d.all_days WHERE day = @day", [DAY, DAY]),
        ("SELECT path FROM d.latest WHERE day = @day", [""]),
        ("SELECT path FROM (SELECT path, day AS on_day FROM d.calls GROUP BY ALL) WHERE on_day = @day", [DAY]),
        (
            "SELECT n FROM (SELECT day, RANK() OVER (PARTITION BY day ORDER BY 1) AS n FROM d.calls) WHERE day = @day",
            [DAY],
        ),
        ("SELECT n FROM (SELECT day, RANK() OVER (ORDER BY path) AS n FROM d.calls) WHERE day = @day", [""]),
        ("SELECT path FROM (SELECT * FROM d.calls LIMIT 1) WHERE day = @day", [""]),
        ("SELECT path FROM (SELECT path, DATE_ADD(day, INTERVAL 1 DAY) AS day FROM d.calls) WHERE day = @day", [""]),
        (
            "WITH c AS (SELECT * FROM d.calls) SELECT path FROM c WHERE day = @day UNION ALL SELECT path FROM c",
            [DAY, ""],
        ),
        (
            "SELECT name FROM d.calls AS c JOIN d.users AS u ON c.path = u.path AND c.day = @day AND u.day = @day",
            [DAY, DAY],
        ),
        ("SELECT name FROM d.calls AS c LEFT JOIN d.users AS u ON c.day = @day AND u.day = @day", ["", DAY]),
        ("SELECT name FROM d.calls AS c RIGHT JOIN d.users AS u ON c.day = @day AND u.day = @day", [DAY, ""]),
        ("SELECT name FROM d.calls AS c FULL JOIN d.users AS u ON c.day = @day AND u.day = @day", ["", ""]),
        ("SELECT name FROM d.calls AS c LEFT JOIN d.users AS u USING (path) WHERE u.day = @day", ["", DAY]),
    ],
)
def test_limits_reach_the_tables_that_they_hold_for(sql: str, limits: list[str]) -> None:
    assert [limit for _, _, limit in reads(sql)] == limits


@pytest.mark.parametrize(
    ("sql", "limits", "partitions_only"),
    [
        ("DELETE FROM d.calls WHERE day = @day", 1, True),
        ("DELETE FROM d.calls WHERE day = @day AND path = ''", 1, False),
        ("DELETE FROM d.calls WHERE day = @day AND path IN (SELECT name FROM d.users)", 1, False),
        ("DELETE FROM d.calls WHERE TRUE", 0, False),
        ("UPDATE d.calls SET path = '' WHERE day = @day", 1, False),
        ("MERGE d.calls AS c USING d.users AS u ON c.path = u.path WHEN MATCHED THEN DELETE", 0, False),
        (
            "MERGE d.calls AS c USING d.users AS u ON c.day = @day AND c.path = u.path WHEN MATCHED THEN DELETE",
            1,
            False,
        ),
    ],
)
def test_what_a_statement_rewrites(sql: str, limits: int, partitions_only: bool) -> None:
    change = usage(statements(sql)[0], "p", lookup).change
    assert change is not None
    assert (change.path, len(change.limits), change.partitions_only) == (CALLS, limits, partitions_only)


def test_a_merge_that_only_inserts_rewrites_nothing() -> None:
    sql = "MERGE d.calls AS c USING d.users AS u ON c.path = u.path WHEN NOT MATCHED THEN INSERT (path) VALUES (u.name)"
    found = usage(statements(sql)[0], "p", lookup)
    assert found.change is None
    assert [(read.path[2], sorted(read.columns)) for read in found.reads] == [
        ("calls", ["path"]),
        ("users", ["name", "path"]),
    ]
