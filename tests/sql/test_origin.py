"""Where requests come from and what they ask for: the lists below dags/sql, and the expressions made of them."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.sql.warehouse import DAGS, Warehouse, cases, render
from tools import referer_sources


def table_of(name: str, *columns: str) -> str:
    """The cases of a file as a subquery."""

    def literal(value: object) -> str:
        return "NULL" if value is None else f"{value}" if isinstance(value, int) else f"r'{value}'"

    rows = (
        ", ".join(f"{literal(case.get(column))} AS {column}" for column in columns) + f", {number} AS number"
        for number, case in enumerate(cases(name))
    )
    return f"(SELECT * FROM UNNEST([{', '.join(f'STRUCT({row})' for row in rows)}]))"


@pytest.mark.integration
def test_kinds_of_resources(warehouse: Warehouse):
    rows = warehouse.run(
        f"SELECT {render('resource_kinds/kind.sql')} AS kind, "
        f"IFNULL({render('resource_kinds/is_page_view.sql')}, FALSE) AS is_view "
        f"FROM (SELECT path, status, IFNULL(method, 'GET') AS method, number "
        f"FROM {table_of('resource_kinds', 'path', 'status', 'method')}) ORDER BY number"
    )
    for case, row in zip(cases("resource_kinds"), rows, strict=True):
        assert row == {"kind": case["kind"], "is_view": case["is_view"]}, case


@pytest.mark.integration
def test_domains_and_classes_of_referers(warehouse: Warehouse):
    domains = (
        f"(SELECT number, {render('referer_sources/domain.sql')} AS referer_domain "
        f"FROM {table_of('referer_classes', 'referer')})"
    )
    rows = warehouse.run(
        f"SELECT referer_domain, referer_class FROM {domains} LEFT JOIN "
        f"({warehouse.sql('referer_sources/classes.sql', referers=domains)}) USING (referer_domain) ORDER BY number"
    )
    for case, row in zip(cases("referer_classes"), rows, strict=True):
        assert (row["referer_domain"], row["referer_class"]) == (case["domain"], case["class"]), case


@pytest.mark.integration
def test_page_views_of_people(warehouse: Warehouse):
    warehouse.insert(
        "requests",
        [
            {
                "event_id": "1",
                "path": "/a",
                "query": "a=1&UTM_source=ChatGPT.com&utm_campaign=Spring+sale%20b&utm_medium=",
            },
            {"event_id": "2", "path": "/b", "referer": "https://www.Example.org:8443/x", "country": "CH"},
            {"event_id": "3", "path": "/a.css"},
            {"event_id": "4", "path": "/c", "is_bot": True},
            {"event_id": "5", "path": "/d", "is_bot": None, "user_agent": None},
        ],
    )
    columns = "path, referer_domain, utm_source, utm_medium, utm_campaign, country"
    rows = warehouse.run(f"SELECT {columns} FROM {warehouse.dataset}.page_views ORDER BY path")
    assert [tuple(row.values()) for row in rows] == [
        ("/a", None, "chatgpt.com", None, "spring sale b", None),
        ("/b", "example.org", None, None, None, "CH"),
        ("/d", None, None, None, None, None),
    ]


def test_hosts_are_listed_once():
    lists = [DAGS / "sql/referer_sources" / name for name in ("matomo.txt", "own.txt")]
    entries = [line for path in lists for line in path.read_text().splitlines() if line and line[0] != "#"]
    hosts = [entry.split(" ")[1].removeprefix(".") for entry in entries]
    assert len(hosts) == len(set(hosts))
    assert {entry.split(" ")[0] for entry in entries} == {"ai", "mail", "search", "social"}
    assert not [entry for entry in entries if "," in entry or "'" in entry]


def test_matomos_lists_become_one(tmp_path: Path):
    tmp_path.joinpath("AIAssistants.yml").write_text("Grok:\n  - grok.com\n  - x.com/i/grok\n")
    tmp_path.joinpath("Socials.yml").write_text("X:\n  - x.com\nGrok:\n  - grok.com\n")
    tmp_path.joinpath("SearchEngines.yml").write_text(
        dedent("""\
        Google:
          -
            urls: [www.google.com, 'google.{}', google.com/cse]
            params: [q]
        """)
    )
    assert list(referer_sources.entries(tmp_path)) == [
        ("ai", ".grok.com"),
        ("social", ".x.com"),
        ("search", "google.com"),
        ("search", "google.{}"),
    ]
