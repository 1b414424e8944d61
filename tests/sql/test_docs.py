"""docs/tables.md says what the schema files say; queries of other pages run."""

import re
from pathlib import Path

import pytest

from tests.sql.conftest import SummarisedLog
from tests.sql.questions import Question, questions
from tests.sql.warehouse import Warehouse
from tools import data_contracts
from tools import tables_page as tables

# What has to go wrong first, or takes weeks; and numbers, which the log of a site has not.
OF_FAULTS = ("pretends to be", "lines were lost", "lie in the bucket", "What is unusual")
PARSER_PAGE = Path(__file__).parents[2] / "docs/parser.md"


def test_the_page_of_tables_is_up_to_date():
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page(), "run make generate"


def test_the_data_contracts_are_up_to_date():
    paths = [*data_contracts.CONTRACTS.iterdir(), data_contracts.DBT_SOURCES]
    assert {path: path.read_text(encoding="utf-8") for path in paths} == data_contracts.files(), "run make generate"


@pytest.mark.parametrize("gate", ["backfilled_requests", "landing", "requests", "daily_summary"])
def test_a_contract_has_every_check_of_a_gate(gate):
    checks = (data_contracts.SQL / gate / "checks.sql").read_text(encoding="utf-8")
    rules = list(data_contracts._rules(gate))
    assert len(rules) == len(re.findall(r"^SELECT ", checks, re.MULTILINE))
    assert {rule["severity"] for rule in rules} <= {"error", "warning"}


@pytest.mark.integration
def test_the_ledger_names_the_days_that_older_versions_misread(warehouse: Warehouse):
    section = PARSER_PAGE.read_text(encoding="utf-8").partition("### Days that older versions misread")[2]
    query = re.search(r"```sql\n(.*?)```", section, re.DOTALL)[1].replace("logline.", f"{warehouse.dataset}.")
    objects = [
        ("old", "4", "nginx_timed"),
        ("zone", "4", "%h [%{%d/%b/%Y %T}t %{%z}t] %r"),
        ("other", "4", "aws_alb"),
        ("new", "5", "nginx_timed"),
    ]
    for uri, version, log_format in objects:
        entry = {"run_id": uri, "source_uri": uri, "log_format": log_format, "parser_version": version}
        warehouse.insert("ledger", [entry])
        warehouse.insert("ledger_days", [{"run_id": uri, "source_uri": uri, "log_date": "2015-05-17", "rows": 1}])
    assert sorted(row["source_uri"] for row in warehouse.run(query)) == ["old", "zone"]


@pytest.mark.integration
@pytest.mark.parametrize("question", questions(), ids=lambda question: question.text)
def test_questions_of_analysts_have_answers(question: Question, site_days: SummarisedLog):
    first, *_, last = sorted({row["log_date"] for row in site_days.warehouse.rows("daily_summary")})
    rows = question.ask(site_days.warehouse, first, last)
    assert rows or any(fault in question.text for fault in OF_FAULTS)
