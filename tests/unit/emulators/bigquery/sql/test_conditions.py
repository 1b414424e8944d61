"""Which conditions and comparisons are refused."""

import pytest
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.sql.translator import SQLTranslator

from emulators.bigquery.sql import conditions

COLUMNS = {"n": "BIGINT", "s": "VARCHAR", "b": "BOOLEAN", "f": "DOUBLE", "l": "BIGINT[]", "t": "TIMESTAMPTZ"}
COLUMNS |= {"d": "DATE", "st": "STRUCT(a BIGINT, b BOOLEAN)", "h": "BLOB"}


@pytest.fixture
def translator(monkeypatch: pytest.MonkeyPatch) -> SQLTranslator:
    monkeypatch.setattr(SQLTranslator, "_annotate_tree", staticmethod(conditions.annotate))
    return SQLTranslator()


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT n FROM d.t WHERE n", "The condition of WHERE should be of type BOOL, but is of type INT64"),
        ("SELECT n FROM d.t WHERE (n + 1)", "type INT64"),
        ("SELECT n FROM d.t AS g WHERE g.s", "type STRING"),
        ("SELECT n FROM d.t WHERE st.a", "type INT64"),
        ("SELECT n FROM d.t WHERE (SELECT n FROM d.t)", "type INT64"),
        ("SELECT x FROM d.t, UNNEST(l) AS x WHERE x", "type INT64"),
        ("WITH c AS (SELECT n AS m FROM d.t) SELECT m FROM c WHERE m", "type INT64"),
        ("SELECT COUNT(*) FROM d.t GROUP BY n HAVING COUNT(*)", "The condition of HAVING"),
        ("SELECT n FROM d.t QUALIFY ROW_NUMBER() OVER (ORDER BY n)", "The condition of QUALIFY"),
        ("SELECT a.n FROM d.t AS a JOIN d.t AS b ON a.n", "The condition of JOIN"),
        ("SELECT n FROM d.t WHERE b AND n", "An operand of AND"),
        ("SELECT n FROM d.t WHERE n = 1 OR n", "An operand of OR"),
        ("SELECT n FROM d.t WHERE NOT n", "The operand of NOT"),
        ("SELECT IF(n, 1, 2) FROM d.t", "The condition of IF or CASE"),
        ("SELECT CASE WHEN n THEN 1 END FROM d.t", "The condition of IF or CASE"),
        ("DELETE FROM d.t WHERE n", "The condition of WHERE"),
        ("UPDATE d.t SET n = 1 WHERE n", "The condition of WHERE"),
        ("SELECT n FROM d.t WHERE n = 'a'", "operator = for argument types: INT64, STRING"),
        ("SELECT n FROM d.t WHERE s >= 1", "operator >= for argument types: STRING, INT64"),
        ("SELECT b = n FROM d.t", "operator = for argument types: BOOL, INT64"),
        ("SELECT t < n FROM d.t", "operator < for argument types: TIMESTAMP, INT64"),
        ("DELETE FROM d.t WHERE s = 1", "operator = for argument types: STRING, INT64"),
    ],
)
def test_refused(translator: SQLTranslator, sql: str, why: str) -> None:
    with pytest.raises(InvalidQueryError) as refusal:
        translator.translate(sql, schema={"t": COLUMNS})
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    "condition",
    [
        *("b", "NULL", "TRUE", "@given", "st.b", "(b)", "NOT b", "b AND n = 1", "EXISTS(SELECT 1)"),
        *("n IN UNNEST([1])", "n IN UNNEST(l)", "n BETWEEN 1 AND 2", "s LIKE 'a'", "s IS NULL", "IS_NAN(f)"),
        *("IF(b, TRUE, FALSE)", "COALESCE(b, FALSE)", "SAFE_CAST(s AS BOOL)", "(SELECT LOGICAL_OR(b) FROM d.t)"),
        *("REGEXP_CONTAINS(s, 'a')", "STARTS_WITH(s, 'a')", "JSON_VALUE(s, '$.a') = 'x'", "NET.HOST(s) IS NULL"),
        *("f > n", "n = 1.5", "d = '2026-01-01'", "t >= '2026-01-01'", "DATE(t) = d", "d < CURRENT_DATE()"),
        *("EXTRACT(YEAR FROM d) = 2026", "STRPOS(s, 'a') > 0", "LENGTH(s) = 3", "ARRAY_LENGTH(l) > 0"),
        *("l[OFFSET(0)] = 1", "SPLIT(s, ':')[OFFSET(0)] = 'x'", "TO_HEX(h) = 'ff'", "MD5(s) = h", "h = b'a'"),
        *("UNIX_SECONDS(t) = 1", "TIMESTAMP_DIFF(t, t, SECOND) > 5", "FORMAT_DATE('%Y', d) = '2026'"),
        *("CASE n WHEN 1 THEN TRUE END", "CASE n WHEN 1 THEN 'a' ELSE 'b' END = 'a'", "MOD(n, 2) = 1", "n / n > 0.5"),
        *("REGEXP_EXTRACT(s, 'a') = '1'", "IFNULL(s, '') = ''", "CONCAT(s, 'a') != s", "CAST(n AS STRING) = s"),
    ],
)
def test_passes(translator: SQLTranslator, condition: str) -> None:
    assert translator.translate(f"SELECT n FROM d.t WHERE {condition}", schema={"t": COLUMNS}).value
    assert translator.translate(f"DELETE FROM d.t WHERE {condition}", schema={"t": COLUMNS}).value
