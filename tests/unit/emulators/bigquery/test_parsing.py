"""One tree for all that look at a statement, a copy for each that changes it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlglot
from bqemulator.catalog import ddl_sync
from bqemulator.domain.result import Err, Ok
from bqemulator.jobs import ddl_result, executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting import interpreter
from bqemulator.sql import inner_query
from bqemulator.sql.translator import SQLTranslator
from sqlglot import expressions as exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.dialect import Dialect
from sqlglot.expressions import core

from emulators.bigquery import parsing

QUERY = "SELECT path, COUNT(*) AS n FROM d.t WHERE status / 100 = 2 GROUP BY path"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Put the emulator's parsing into place; return the texts that were parsed."""
    texts: list[str] = []
    sqlglots_own = parsing._parse

    def parse(dialect: Dialect, sql: str, **options: Any) -> list[exp.Expr | None]:
        texts.append(sql)
        return sqlglots_own(dialect, sql, **options)

    monkeypatch.setattr(parsing, "_parse", parse)
    monkeypatch.setattr(Dialect, "parse", Dialect.parse)
    monkeypatch.setattr(SQLTranslator, "translate", SQLTranslator.translate)
    monkeypatch.setitem(vars(core), "deepcopy", vars(core)["deepcopy"])
    for module, names in parsing._READERS.items():
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name))
    for module in (executor, interpreter):
        for name in ("rewrite_table_refs", "parse_script"):
            monkeypatch.setattr(module, name, getattr(module, name))
    parsing.patch()
    parsing._trees.kept.clear()
    parsing._translations.kept.clear()
    yield texts
    parsing._trees.kept.clear()
    parsing._translations.kept.clear()


def test_a_text_is_parsed_once_whoever_asks(parsed: list[str]) -> None:
    assert executor.classify_statement_type(QUERY) == "SELECT"
    assert ddl_sync._detect_plain_create_table(QUERY) is None
    assert not executor.detect_drop_routine(QUERY, "p")
    assert interpreter._is_row_producing(QUERY)
    assert sqlglot.parse_one(QUERY, read="bigquery") == sqlglot.parse(QUERY, read="bigquery")[0]
    assert parsed == [QUERY]
    assert {executor.rewrite_table_refs('SELECT * FROM "d"."t"', "p") for _ in range(2)} == {'SELECT * FROM "p__d"."t"'}
    assert parsed.count('SELECT * FROM "d"."t"') == 1


@pytest.mark.usefixtures("parsed")
def test_a_script_is_taken_apart_once() -> None:
    script = f"DECLARE n INT64; {QUERY}; SELECT n;"
    first = executor.parse_script(script)
    assert interpreter.parse_script(script) is first
    assert [type(statement).__name__ for statement in first.statements] == ["DeclareStmt", "SqlStmt", "SqlStmt"]


@pytest.mark.usefixtures("parsed")
def test_the_statements_of_a_long_script_are_all_kept() -> None:
    script = [f"SELECT {', '.join(f'{number} AS a{n:04}' for n in range(2500))}" for number in range(10)]
    assert 300_000 < sum(map(len, script)) < 500_000
    first, second = ([tree for sql in script for tree in parsing.statements(sql)] for _ in range(2))
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_who_changes_a_tree_changes_a_copy(parsed: list[str]) -> None:
    for own in (sqlglot.parse_one(QUERY, read="bigquery"), *parsing.own_statements(QUERY)):
        own.find(exp.Table).replace(exp.to_table("d.other"))
    (shared,) = parsing.statements(QUERY)
    assert shared == sqlglot.parse_one(QUERY, read="bigquery")
    assert shared.find(exp.Table).name == "t"
    assert parsed == [QUERY]


class EmptyCatalog:
    """A catalog without tables."""

    def get_table(self, *_: str) -> None:
        return None

    get_dataset = get_table


class Engine:
    """An engine that nothing is run on."""

    @asynccontextmanager
    async def write_lock(self) -> AsyncIterator[None]:
        yield


class Context:
    catalog = EmptyCatalog()
    engine = Engine()


@pytest.mark.parametrize(
    "sql",
    [
        QUERY,
        "CREATE OR REPLACE TABLE d.t (a INT64 OPTIONS (description = 'x'), b STRUCT<c STRING>) PARTITION BY DATE(a)",
        "CREATE TABLE IF NOT EXISTS p.d.t CLUSTER BY a AS SELECT 1 AS a",
        "CREATE VIEW d.v AS WITH x AS (SELECT * FROM d.t) SELECT * FROM x",
        "CREATE SCHEMA `p.d`",
        "DROP TABLE IF EXISTS d.t",
        "DROP FUNCTION d.f",
        "INSERT INTO d.t (a) VALUES (1), (2)",
        "MERGE d.t USING d.s ON t.a = s.a WHEN MATCHED THEN DELETE",
    ],
)
@pytest.mark.usefixtures("parsed")
def test_who_shares_a_tree_leaves_it_as_it_is(sql: str) -> None:
    (shared,) = parsing.statements(sql)
    before = repr(shared)
    for look in (
        ddl_sync._detect_plain_create_table,
        ddl_sync._detect_plain_create_view,
        ddl_sync._detect_catalog_drop,
        ddl_sync._extract_ddl_metadata,
        executor.classify_statement_type,
        interpreter._is_row_producing,
    ):
        look(sql)
    ddl_sync._detect_create_schema(sql, "p")
    executor.detect_drop_routine(sql, "p")
    executor._reject_dml_on_immutable("p", sql, Context())
    asyncio.run(executor._capture_dml_snapshots("p", sql, Context()))
    ddl_result.ddl_result_schema_fields(sql, "p", Context())
    inner_query.build_catalog_schema(sql, project_id="p", catalog=EmptyCatalog())
    assert parsing.statements(sql) == [shared]
    assert parsing.statements(sql)[0] is shared
    assert repr(shared) == before


def test_a_translation_is_of_a_statement_its_columns_and_its_caller(parsed: list[str]) -> None:
    sql = "SELECT AVG(a) AS a, SESSION_USER() AS caller FROM d.t"
    asked = [
        (schema, CallerIdentity(principal=f"user:{name}@example.org"))
        for schema in ({"t": {"a": "DECIMAL(38, 9)"}}, {"t": {"a": "BIGINT"}})
        for name in ("eve", "bob")
    ]
    translated = [SQLTranslator().translate(sql, schema=schema, caller=caller) for schema, caller in asked]
    assert len({result.value for result in translated}) == 4
    count = len(parsed)
    assert [SQLTranslator().translate(sql, schema=schema, caller=caller) for schema, caller in asked] == translated
    assert len(parsed) == count


@pytest.mark.usefixtures("parsed")
def test_what_cannot_be_parsed_is_refused_each_time() -> None:
    refused = [SQLTranslator().translate("SELECT (1") for _ in range(2)]
    assert all(isinstance(result, Err) for result in refused)
    assert refused[0].error is not refused[1].error  # a raised error carries its traceback
    assert parsing.statements("SELECT (1") == []
    assert ddl_sync._detect_plain_create_table("SELECT (1") is None
    with pytest.raises(sqlglot.ParseError):
        sqlglot.parse_one("", read="bigquery")


def test_of_a_long_text_nothing_is_kept(parsed: list[str]) -> None:
    sql = f"SELECT '{'x' * parsing.LONGEST_KEPT}' AS x"

    def long(texts: Iterable[str]) -> list[str]:
        return [text for text in texts if len(text) > parsing.LONGEST_KEPT]

    first = [SQLTranslator().translate(sql), executor.rewrite_table_refs(sql, "p")]
    count = len(long(parsed))
    assert [SQLTranslator().translate(sql), executor.rewrite_table_refs(sql, "p")] == first
    assert isinstance(first[0], Ok)
    assert len(long(parsed)) == 2 * count > 0
    assert not long(text for text, *_ in parsing._trees.kept)


def test_what_is_kept_is_bounded_by_the_length_of_the_texts() -> None:
    kept = parsing._Newest(3 * parsing.LONGEST_KEPT, len)
    texts = [f"{number:{parsing.LONGEST_KEPT}}" for number in range(50)]
    assert [kept(text) for text in texts] == [parsing.LONGEST_KEPT] * 50
    assert [text for (text,) in kept.kept] == texts[-3:]


def test_a_copy_shares_nothing_with_its_tree(parsed: list[str]) -> None:
    tree = sqlglot.parse_one("SELECT /* said */ path FROM d.t", read="bigquery")
    tree.meta["nested"] = {"of": ["lists"]}
    nodes = list(zip(tree.walk(), tree.copy().walk(), strict=True))
    assert any(node.comments for node, _ in nodes)
    assert any(node.meta.get("start") for node, _ in nodes)
    for node, copied in nodes:
        assert (copied, copied.comments, copied.meta) == (node, node.comments, node.meta)
        assert copied.comments is None or copied.comments is not node.comments
        assert copied.meta is not node.meta
    assert nodes[0][1].meta["nested"]["of"] is not tree.meta["nested"]["of"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM (SELECT * FROM (SELECT [STRUCT([1] AS b)] AS a) AS i, i.a AS x) AS o, o.x.b AS q",
        "SELECT * FROM d.t JOIN (SELECT [1] AS names) AS T ON TRUE, t.names AS n, UNNEST(n) AS m",
        "SELECT * FROM (SELECT 1 AS a, 2 AS b) PIVOT(SUM(a) FOR b IN (1, 2)) AS p, (SELECT 3 AS c)",
    ],
)
def test_a_subquery_is_not_copied_for_its_name(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    sqlglots_own = [repr(tree) for tree in parsing._parse(BigQuery(), sql)]
    monkeypatch.setitem(vars(core), "deepcopy", parsing.copied)
    assert [repr(tree) for tree in parsing._parsed(sql, BigQuery())] == sqlglots_own
    copies: list[exp.Expr] = []

    def copied(value: object, *memo: object) -> object:
        copy = parsing.copied(value, *memo)
        copies.extend([copy] if isinstance(copy, exp.Expr) else [])
        return copy

    monkeypatch.setitem(vars(core), "deepcopy", copied)
    parsing._parsed(sql, BigQuery())
    assert any(isinstance(tree, exp.Subquery) for tree in copies)
    assert not any(tree.find(exp.Select) for tree in copies)
