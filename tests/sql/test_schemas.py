"""The SQL as BigQuery would read it, and what its parts must agree on."""

import pytest
import sqlglot
from sqlglot import exp

from beam_jobs.stream.options import BATCHES_TABLE, HEARTBEATS_TABLE, REJECTED_TABLE, ROWS_TABLE
from emulators.bigquery.parsing import LONGEST_KEPT
from tests.sql.warehouse import DAGS, DAILY_TABLES, FINDINGS, SETTINGS, SUFFIX, TABLES, VIEWS, portion_of, render

NAMES = {
    "dataset": "logline",
    "staging": "logline_staging",
    "suffix": SUFFIX,
    **SETTINGS,
    **portion_of("2015-05-17").values(),
    "tables": TABLES,
    "views": VIEWS,
    "max_freshness_minutes": 30,
    "max_silence_minutes": 15,
    "runbooks": "docs/operations.md",
    "limit": 1000,
    "job_id": "job-1",
    "table_of_0_1_0": "rejected_lines_of_0_1_0",
    "first_day": "2015-05-17",
    "last_day": "2015-05-18",
    "requested_by": "admin",
    "subject_sha256": "ab" * 32,
    "too_new_minutes": 90,
}
WITH_QUERY = sorted(path.parent.name for path in DAGS.glob("sql/**/query.sql"))
# Parts of a statement, included where they are needed.
PARTS = {
    *("rejected_lines/columns.sql", "rejected_lines/column_definitions.sql"),
    *("detections/condition.sql", "detections/decoded.sql"),
    *("erasures/is_person.sql", "erasures/raw_text.sql", "erasures/readings.sql"),
    *(
        "daily/daily_sessions/channels.sql",
        "daily/day_figures.sql",
        "daily/of_visits.sql",
        "daily/percentiles.sql",
        "session_parts/parts.sql",
        "session_parts/visitor.sql",
        "reconciliation/days.sql",
        "stream_heartbeats/landing.sql",
    ),
    *("ledger/main_days.sql", "request_builds/late.sql", "request_builds/ledger_days.sql"),
    *("requests/added.sql", "requests/messages.sql"),
    *(
        "replay/became_rows.sql",
        "requests/columns.sql",
        "requests/column_definitions.sql",
        "requests/deduplicated.sql",
        "requests/visitor.sql",
    ),
}


def statements(template: str, **values: object) -> list[exp.Expression]:
    return [parsed for parsed in sqlglot.parse(render(template, **(NAMES | values)), read="bigquery") if parsed]


def folder(table: str) -> str:
    """Where the files of a table are, below `dags/sql`."""
    return f"daily/{table}" if table in DAILY_TABLES else f"findings/{table}" if table in FINDINGS else table


def columns(table: str) -> list[str]:
    (create,) = statements(f"{folder(table)}/schema.sql")
    return [column.name for column in create.find_all(exp.ColumnDef)]


@pytest.mark.parametrize(
    "template", sorted({str(path.relative_to(DAGS / "sql")) for path in DAGS.rglob("*.sql")} - PARTS)
)
def test_every_statement_is_bigquery_sql(template):
    parsed = statements(template)
    assert parsed
    # What sqlglot cannot read becomes a Command.
    assert not [statement for statement in parsed if isinstance(statement, exp.Command)]


def test_the_local_bigquery_parses_every_statement_once():
    longest = max(
        len(text)
        for path in DAGS.rglob("*.sql")
        if (template := str(path.relative_to(DAGS / "sql"))) not in PARTS
        for text in render(template, **NAMES).split(";")
    )
    # Qualified names and DuckDB's own words make some forms of it longer.
    assert longest * 3 / 2 < LONGEST_KEPT


def test_no_statement_changes_what_the_stream_appends_to():
    """On the service a transaction may not change a table that took streamed rows just now: docs/service-rules.md.

    An erasure has to, by single statements.
    """
    appended = {ROWS_TABLE, REJECTED_TABLE, BATCHES_TABLE, HEARTBEATS_TABLE}
    changed = {
        (template, statement.find(exp.Table).name)
        for path in DAGS.rglob("*.sql")
        if (template := str(path.relative_to(DAGS / "sql"))) not in PARTS
        for statement in statements(template)
        if isinstance(statement, exp.Delete | exp.Update | exp.Merge | exp.TruncateTable)
    }
    assert changed
    assert {change for change in changed if change[1] in appended} == {
        ("erasures/erase_streamed.sql", table) for table in appended - {HEARTBEATS_TABLE}
    }
    assert "TRANSACTION" not in render("erasures/erase_streamed.sql", **NAMES).partition(";")[2]


def test_whoever_reads_rows_of_backfills_takes_those_that_have_landed():
    """A landing copies its rows before they count."""
    readers = {
        (template, query.sql("bigquery"))
        for path in DAGS.rglob("*.sql")
        # Erasures look into the others as well, so that nothing is left of a person; the other one takes columns alone.
        if (template := str(path.relative_to(DAGS / "sql"))) not in PARTS | {"backfilled_requests/stage_nothing.sql"}
        and path.parent.name != "erasures"
        for statement in statements(template)
        for query in statement.find_all(exp.Select)
        for table in query.find_all(exp.Table)
        if table.name == "backfilled_requests" and table.find_ancestor(exp.Select) is query
    }
    assert len(readers) > 8
    for template, sql in readers:
        where = sqlglot.parse_one(sql, read="bigquery").args.get("where")
        assert where, f"{template} counts rows on their way: {sql}"
        assert "reading" in {column.name for column in where.find_all(exp.Column)}, (
            f"{template} counts rows on their way: {sql}"
        )


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_partitioned_and_explained(table):
    (create,) = statements(f"{folder(table)}/schema.sql")
    sql = create.sql("bigquery")
    assert create.this.this.sql("bigquery") == f"logline.{table}"
    assert "PARTITION BY" in sql
    assert create.args["exists"]
    for column in create.find_all(exp.ColumnDef):
        assert "description" in column.sql("bigquery"), f"{table}.{column.name} has no description"


@pytest.mark.parametrize("table", WITH_QUERY)
def test_a_query_selects_the_columns_of_its_table(table):
    (query,) = statements(f"{folder(table)}/query.sql")
    assert query.named_selects == columns(table)


@pytest.mark.parametrize("table", ["streamed_requests", "backfilled_requests"])
def test_landing_tables_have_the_columns_of_requests(table):
    of_backfills = ["reading"] if table == "backfilled_requests" else []
    assert columns(table) == columns("requests") + of_backfills
    assert render("requests/columns.sql").replace("\n", " ").split(", ") == [
        name.strip() for name in columns("requests")
    ]


@pytest.mark.integration
def test_creating_the_tables_again_changes_nothing(own_warehouse):
    own_warehouse.insert("daily_statuses", [{"status": 200, "requests": 1, "bytes": 1}])
    own_warehouse.run(own_warehouse.sql("create_tables.sql", tables=TABLES))
    assert len(own_warehouse.rows("daily_statuses")) == 1
