"""Which definitions of tables are refused."""

import pytest
from bqemulator.domain.errors import InvalidQueryError

from emulators.bigquery.table_rules import check, of_resource, of_statement

LONG = "x" * 20_000


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("(a BYTES) CLUSTER BY a", "Field a has type BYTES, which is not supported for clustering"),
        ("(a FLOAT64) CLUSTER BY a", "type FLOAT64"),
        ("(a JSON) CLUSTER BY a", "type JSON"),
        ("(a ARRAY<STRING>) CLUSTER BY a", "type ARRAY<STRING>"),
        ("(a STRUCT<b STRING>) CLUSTER BY a", "type STRUCT"),
        ("(a INT64) CLUSTER BY b", "clustering cannot be found in the schema. Invalid field: b"),
        ("(a INT64, b DATE, c STRING, d BOOL, e STRING) CLUSTER BY a, b, c, d, e", "Too many clustering fields: 5"),
        ("CLUSTER BY a, b, c, d, e AS SELECT 1 AS a", "Too many clustering fields: 5"),
        ("(a STRING) PARTITION BY a", "PARTITION BY DAY of field a of type STRING"),
        ("(a TIMESTAMP) PARTITION BY a", "PARTITION BY DAY of field a of type TIMESTAMP"),
        ("(a DATE) PARTITION BY TIMESTAMP_TRUNC(a, HOUR)", "PARTITION BY HOUR of field a of type DATE"),
        ("(a DATE) PARTITION BY DATE_TRUNC(a, WEEK)", "PARTITION BY WEEK"),
        ("(a ARRAY<DATE>) PARTITION BY a", "of type ARRAY<DATE>"),
        ("(a INT64) PARTITION BY DATE(b)", "partitioning cannot be found in the schema. Invalid field: b"),
        ("(a INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 10001, 1))", "would have 10001 partitions"),
        ("(a STRING) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 10, 1))", "of type STRING"),
        ("(a INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(10, 0, 1))", "The end of integer ranges"),
        ("(a INT64, A STRING)", 'Duplicate field name "a"'),
        ("(_PARTITIONTIME TIMESTAMP)", "reserved prefix"),
        ("(_file_name STRING)", "reserved prefix"),
        ("(`a.b` STRING)", 'Invalid field name "a.b"'),
        (f"({LONG[:301]} STRING)", "Invalid field name"),
        (f"(a STRING OPTIONS (description = '{LONG[:1025]}'))", "description of field a has more than 1024"),
        (f"(a STRING) OPTIONS (description = '{LONG[:16385]}')", "description of table t has more than 16384"),
    ],
)
def test_refused(sql: str, why: str) -> None:
    with pytest.raises(InvalidQueryError) as refusal:
        check(of_statement(f"CREATE TABLE d.t {sql}"))
    assert why in str(refusal.value)


@pytest.mark.parametrize("table", ["t%", "t/1", "a'b", LONG[:1025]])
def test_refused_names(table: str) -> None:
    with pytest.raises(InvalidQueryError, match="Invalid table ID"):
        check(of_resource({"tableReference": {"tableId": table}}))


@pytest.mark.parametrize(
    "sql",
    [
        "(a DATE NOT NULL OPTIONS (description = 'Day'), b STRING) PARTITION BY a CLUSTER BY b",
        "(a DATE) PARTITION BY DATE_TRUNC(a, MONTH)",
        "(a TIMESTAMP) PARTITION BY DATE(a)",
        "(a TIMESTAMP) PARTITION BY TIMESTAMP_TRUNC(a, HOUR)",
        "(a DATETIME) PARTITION BY DATETIME_TRUNC(a, YEAR)",
        "(a INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 10000, 1))",
        "(a INT64) PARTITION BY _PARTITIONDATE",
        "(a INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)",
        "(a NUMERIC(10, 2), b BIGNUMERIC, c GEOGRAPHY, d RANGE<DATE>) CLUSTER BY a, b, c, d",
        "CLUSTER BY a AS SELECT 1 AS a",
        f"({LONG[:300]} STRING OPTIONS (description = '{LONG[:1024]}'))",
    ],
)
def test_taken(sql: str) -> None:
    definition = of_statement(f"CREATE TABLE `p.d.t-1 é` {sql}")
    assert definition is not None
    check(definition)


@pytest.mark.parametrize(
    "sql", ["SELECT 'CREATE TABLE d.t (a BYTES) CLUSTER BY a'", "CREATE VIEW d.v AS SELECT 1", "("]
)
def test_other_statements(sql: str) -> None:
    assert of_statement(sql) is None


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        ({"clustering": {"fields": ["h"]}}, "Field h has type BYTES"),
        ({"clustering": {"fields": ["f"]}}, "Field f has type FLOAT64"),
        ({"clustering": {"fields": ["l"]}}, "Field l has type ARRAY<STRING>"),
        ({"timePartitioning": {"type": "HOUR", "field": "d"}}, "PARTITION BY HOUR of field d"),
        ({"timePartitioning": {"type": "DAY", "field": "n"}}, "PARTITION BY DAY of field n"),
        (
            {"rangePartitioning": {"field": "n", "range": {"start": "0", "end": "20000", "interval": "1"}}},
            "would have 20000 partitions",
        ),
    ],
)
def test_resources_refused(resource: dict[str, object], why: str) -> None:
    kinds = {"h": "BYTES", "f": "FLOAT", "d": "DATE", "n": "INTEGER"}
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    fields.append({"name": "l", "type": "STRING", "mode": "REPEATED"})
    with pytest.raises(InvalidQueryError) as refusal:
        check(of_resource({"tableReference": {"tableId": "t"}, "schema": {"fields": fields}, **resource}))
    assert why in str(refusal.value)


def test_a_table_has_a_most_of_columns() -> None:
    fields = [{"name": f"c{number}", "type": "STRING"} for number in range(10_001)]
    with pytest.raises(InvalidQueryError, match="Too many fields: 10001"):
        check(of_resource({"tableReference": {"tableId": "t"}, "schema": {"fields": fields}}))
