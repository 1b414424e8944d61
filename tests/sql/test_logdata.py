"""The article's table, as a view: its columns, all text, and its queries without a change."""

import pytest

pytestmark = pytest.mark.integration


def test_the_columns_are_those_of_the_article(warehouse):
    warehouse.insert(
        "requests",
        [
            {"event_id": "1", "query": "a=1", "referer": "http://example.org/", "why": "every field"},
            {"event_id": "2", "path": None, "method": None, "status": None, "body_bytes_sent": None, "why": "none"},
        ],
    )
    view = warehouse.client.get_table(f"{warehouse.dataset}.logdata")
    assert [(field.name, field.field_type) for field in view.schema[:-1]] == [
        (name, "STRING")
        for name in (
            *("remote_addr", "timelocal", "request_type", "request_path", "status", "body_bytes_sent"),
            *("http_referer", "http_user_agent"),
        )
    ]
    rows = warehouse.run(f"SELECT * EXCEPT (log_date) FROM {warehouse.dataset}.logdata ORDER BY status")
    assert [tuple(row.values()) for row in rows] == [
        ("83.149.9.216", "17/May/2015:10:05:03", None, None, None, None, None, "Mozilla/5.0"),
        ("83.149.9.216", "17/May/2015:10:05:03", "GET", "/?a=1", "200", "100", "http://example.org/", "Mozilla/5.0"),
    ]


def test_a_query_of_the_article_runs(warehouse):
    warehouse.insert("requests", [{"event_id": "1", "status": 404}, {"event_id": "2"}, {"event_id": "3"}])
    rows = warehouse.run(
        f"SELECT request_type, status, COUNT(*) AS requests FROM {warehouse.dataset}.logdata "
        "WHERE timelocal LIKE '17/May/2015:%' AND status != '404' GROUP BY request_type, status"
    )
    assert [tuple(row.values()) for row in rows] == [("GET", "200", 2)]
