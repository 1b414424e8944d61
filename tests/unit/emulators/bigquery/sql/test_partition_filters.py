"""Which statements lack the filter that a table wants."""

import pytest
from bqemulator.domain.errors import InvalidQueryError

from emulators.bigquery.sql.partition_filters import Required, check

COLUMNS = Required(frozenset({"day"}), frozenset({"day", "n"}))


def checked(sql: str) -> None:
    check(sql, "p", lambda project, dataset, table: COLUMNS if (project, table) == ("p", "t") else None)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM d.t",
        "SELECT n FROM `p.d.t`",
        "SELECT n FROM d.t WHERE n = 1",
        "SELECT n FROM d.t WHERE day = '2015-05-17' OR n = 1",
        "SELECT n FROM d.t WHERE TRUE",
        "SELECT t.n FROM d.t AS t JOIN d.u AS u USING (day)",
        "SELECT t.n FROM d.t AS t JOIN d.u AS u ON t.day = u.day",
        "SELECT n FROM d.t WHERE EXTRACT(DAY FROM day) = n",
        "WITH c AS (SELECT * FROM d.t) SELECT n FROM c",
        "SELECT n FROM (SELECT * FROM d.t) WHERE n = 1",
        "SELECT n FROM d.u WHERE n IN (SELECT n FROM d.t) AND day = '2015-05-17'",
        "SELECT n FROM d.t WHERE day = '2015-05-17' UNION ALL SELECT n FROM d.t",
        "DELETE FROM d.t WHERE TRUE",
        "UPDATE d.t SET n = 1 WHERE n = 2",
        "MERGE d.t USING d.u ON t.n = u.n WHEN MATCHED THEN DELETE",
        "INSERT INTO d.u SELECT * FROM d.t",
        "CREATE TABLE d.u AS SELECT * FROM d.t",
    ],
)
def test_refused(sql: str) -> None:
    with pytest.raises(InvalidQueryError, match=r"Cannot query over table 'p\.d\.t' without a filter .* 'day'"):
        checked(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM d.t WHERE day = '2015-05-17'",
        "SELECT n FROM d.t AS x WHERE n = 1 AND (x.day BETWEEN @first AND @last)",
        "SELECT n FROM d.t WHERE day IN UNNEST(days)",
        "SELECT n FROM d.t WHERE day = '2015-05-17' OR day > '2016-01-01'",
        "SELECT t.n FROM d.t AS t JOIN d.u AS u ON t.n = u.n AND t.day = '2015-05-17'",
        "WITH c AS (SELECT * FROM d.t) SELECT n FROM c WHERE day = '2015-05-17'",
        "SELECT n FROM (SELECT * FROM d.t UNION ALL SELECT * FROM d.u) WHERE day = '2015-05-17'",
        "DELETE FROM d.t WHERE day = '2015-05-17'",
        "UPDATE d.t SET n = 1 WHERE day = '2015-05-17'",
        "MERGE d.t USING d.u ON t.day = '2015-05-17' AND t.n = u.n WHEN MATCHED THEN DELETE",
        "INSERT INTO d.t (day, n) SELECT day, n FROM d.u",
        "INSERT INTO d.t VALUES ('2015-05-17', 1)",
        "TRUNCATE TABLE d.t",
        "DROP TABLE d.t",
        "ALTER TABLE d.t ADD COLUMN m INT64",
        "CREATE OR REPLACE TABLE d.t (day DATE, n INT64) PARTITION BY day",
        "CREATE VIEW d.v AS SELECT * FROM d.t",
        "SELECT n FROM other.d.t",
        "SELECT (",
    ],
)
def test_taken(sql: str) -> None:
    checked(sql)
