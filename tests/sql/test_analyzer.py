"""GoogleSQL's own analyzer complains of no statement, with no kind of settings: `make analyze` lists them."""

import shutil
from pathlib import Path

import pytest

from tests.sql.analyzer.dags import DagQueries, loaded
from tests.sql.analyzer.documents import document_scripts
from tests.sql.analyzer.report import Report, analysed
from tests.sql.analyzer.scripts import Script, analyse
from tests.sql.analyzer.settings import KINDS
from tests.sql.analyzer.tracing import ROOT, Trace, TracedText

DAGS = ROOT / "dags"


@pytest.fixture(scope="module")
def report():
    return analysed()


@pytest.fixture(scope="module")
def catalog():
    return DagQueries(DAGS, KINDS[0], Trace()).catalog()


def complaints(sql, catalog, **parameters):
    return [str(one) for one in analyse(Script("test", TracedText.of_file(sql, "f"), parameters), catalog).complaints]


def test_nothing_is_complained_of(report):
    assert not report.complaints, "\n".join(map(str, report.complaints))


def test_complaints_of_all_scripts_are_reported_once(catalog):
    report = Report()
    scripts = [Script(name, TracedText.of_file(f"SELECT {name}", "f"), {}) for name in ("one", "two", "one")]
    report.add(scripts, catalog, "kind")
    assert [str(complaint) for complaint in report.complaints] == [
        f"f:1: Unrecognized name: {name} ({name})" for name in ("one", "two")
    ]
    assert report.statements == {"one": {"kind": 2}, "two": {"kind": 1}}


def test_every_branch_of_every_template_is_rendered(report):
    assert not report.trace.not_taken(), "add what renders them to tests/sql/analyzer/settings.py"


def test_every_file_of_sql_is_rendered(report):
    paths = [*DAGS.rglob("*.sql"), *(ROOT / "plugins").rglob("*.sql")]
    assert {str(path.relative_to(ROOT)) for path in paths} <= report.trace.files


def test_every_dag_page_and_notebook_is_there(report):
    analysed_by = {name.split(".")[0].split(":")[0] for name in report.statements}
    with KINDS[0].in_force():
        assert {dag.dag_id for dag in loaded(DAGS)} | {"page", "notebooks/traffic"} <= analysed_by
    assert all(sum(kinds.values()) for kinds in report.statements.values())


def test_marks_change_nothing(monkeypatch):
    marked = DagQueries(DAGS, KINDS[-1], Trace()).scripts
    monkeypatch.setattr(Trace, "attach", lambda *_: None)
    plain = DagQueries(DAGS, KINDS[-1], Trace()).scripts
    assert [(script.text.text, script.parameters) for script in marked] == [
        (script.text.text, script.parameters) for script in plain
    ]


# File, what it says and what it says instead; who runs it, and the complaint.
SPOILT = {
    "a column that does not exist": (
        "sql/daily/daily_statuses/query.sql",
        "requests, bytes",
        "requests, body_bytes",
        "daily_summary.build_days",
        "sql/daily/daily_statuses/query.sql:1: Unrecognized name: body_bytes",
    ),
    "another type": (
        "sql/requests/visitor.sql",
        "IFNULL(remote_addr, '')",
        "IFNULL(status, '')",
        "daily_summary.build_days",
        "sql/requests/visitor.sql:1: ",
    ),
    "a function that does not exist": (
        "sql/reconciliation/days.sql",
        "COUNTIF(is_replayed)",
        "COUNT_IF(is_replayed)",
        "daily_summary.build_days",
        "sql/reconciliation/days.sql:61: Function not found: COUNT_IF",
    ),
    "a parameter that is not passed": (
        "sql/replay/lines.sql",
        "@reason = ''",
        "@reasons = ''",
        "dead_letter_replay.plan",
        "sql/replay/lines.sql:19: Query parameter 'reasons' not found",
    ),
    "a variable of another type": (
        "sql/replay/land.sql",
        "DECLARE first_day DATE",
        "DECLARE first_day TIMESTAMP",
        "dead_letter_replay.land",
        "sql/replay/land.sql:10: ",
    ),
    "a column fewer": (
        "sql/daily/daily_paths/schema.sql",
        "  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),\n",
        "",
        "daily_summary.build_days",
        "sql/daily/daily_paths/query.sql:2: Inserted row has wrong column count",
    ),
    "an option that does not exist": (
        "sql/requests/schema.sql",
        "require_partition_filter",
        "needs_partition_filter",
        "provision.create_tables",
        "sql/requests/schema.sql:9: Unknown option: needs_partition_filter",
    ),
    "a parameter of another type": (
        "dead_letter_replay.py",
        '("reason", "STRING"',
        '("reason", "INT64"',
        "dead_letter_replay.plan",
        "sql/replay/lines.sql:19: ",
    ),
}


@pytest.mark.parametrize(("file", "good", "bad", "task", "said"), SPOILT.values(), ids=SPOILT)
def test_a_fault_is_complained_of_at_its_place(tmp_path, catalog, file, good, bad, task, said):
    folder = tmp_path / "dags"
    shutil.copytree(DAGS, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert good in text
    (folder / file).write_text(text.replace(good, bad), encoding="utf-8")
    queries = DagQueries(folder, KINDS[0], Trace())
    # The tables are as ever where the fault is in none of them.
    tables = queries.catalog() if file.endswith("schema.sql") else catalog
    scripts = [script for script in queries.scripts if script.name.startswith(task)]
    found = [str(complaint) for script in scripts for complaint in analyse(script, tables.copy()).complaints]
    assert any(complaint.startswith(f"{folder}/{said}") for complaint in found), found


def test_a_branch_that_nothing_renders_is_named(tmp_path):
    folder = tmp_path / "dags"
    shutil.copytree(DAGS, folder)
    query = folder / "sql/daily/daily_statuses/query.sql"
    query.write_text(query.read_text(encoding="utf-8") + "{% if days is none %}LIMIT 1{% endif %}\n", encoding="utf-8")
    trace = Trace()
    DagQueries(folder, KINDS[0], trace)
    assert any(branch.startswith(f"{query}:4 if ") for branch in trace.not_taken())


def test_faults_of_a_page_of_documentation(tmp_path, catalog):
    page = Path(tmp_path, "page.md")
    page.write_text("Query:\n\n```sql\nSELECT log_date,\n  nothing\nFROM logline.requests\n```\n", encoding="utf-8")
    (script,) = document_scripts(page)
    (complaint,) = analyse(script, catalog.copy()).complaints
    assert str(complaint) == f"{page}:5: Unrecognized name: nothing ({page})"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1;\nSELEC 2", 'f:2: Syntax error: Unexpected identifier "SELEC" (test)'),
        ("DECLARE a, b DATE;\nSET a = 'x';\nSET b = (SELECT 1)", "f:3: Query column 1 has type INT64"),
        ("DECLARE n DEFAULT 1;\nSELECT -'x' + n", "f:2: No matching signature for operator -"),
        ("SET unknown = 1", "f:1: Undeclared variable: unknown (test)"),
        ("DECLARE day NODATE", "f:1: Type not found: NODATE (test)"),
        ("SELECT é\n", "f:1: "),
        ("SELECT 'é',\n  nope", "f:2: Unrecognized name: nope (test)"),
        ("SELECT MAX_BY(status, log_date) + 'x' FROM logline.requests", "f:1: "),
        ("IF TRUE THEN SELECT 1; END IF", "f:1: Syntax error: Unexpected keyword IF (test)"),
    ],
)
def test_faults_of_a_script(catalog, sql, said):
    assert any(complaint.startswith(said) for complaint in complaints(sql, catalog.copy()))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT status, MAX_BY(path, timestamp) FROM `logline.requests` GROUP BY status",
        "DECLARE days ARRAY<DATE>;\nSET days = [DATE '2015-05-17'];\n"
        "DELETE FROM logline.requests WHERE log_date IN UNNEST(days)",
        "CREATE TABLE logline.made AS SELECT 1 AS n;\nSELECT n + @more FROM logline.made",
    ],
)
def test_what_bigquery_takes(catalog, sql):
    assert complaints(sql, catalog.copy(), more="INT64") == []
