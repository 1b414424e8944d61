"""Which tables of a script get the default dataset."""

import pytest

from emulators.bigquery.jobs.queries import with_default_dataset


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT n FROM t", "SELECT n FROM p.d.t"),
        ("SELECT n FROM other.t", "SELECT n FROM other.t"),
        ("WITH t AS (SELECT n FROM u) SELECT n FROM t", "WITH t AS (SELECT n FROM p.d.u) SELECT n FROM t"),
        (
            "CREATE TEMP TABLE made AS SELECT n FROM t; SELECT n FROM made",
            "CREATE TEMPORARY TABLE made AS SELECT n FROM p.d.t;\nSELECT n FROM made",
        ),
        (
            "SELECT table_name FROM INFORMATION_SCHEMA.TABLES",
            "SELECT table_name FROM p.d.INFORMATION_SCHEMA.TABLES AS TABLES",
        ),
        ("SELECT 'abc", "SELECT 'abc"),
        ("SELEC n FROM t", "SELEC n FROM t"),
    ],
)
def test_tables_without_a_dataset_get_the_default_one(sql: str, expected: str) -> None:
    assert with_default_dataset(sql, default_project="p", default_dataset="d") == expected
