"""`daily_errors`: of bounded size whatever is asked for; those of logs: test_independent_figures.py."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sql.independent_errors import errors
from tests.sql.test_detections import by_day, in_order, load_requests, seen
from tests.sql.warehouse import DAY, Warehouse

pytestmark = pytest.mark.integration

REFERERS = [None, "https://a.example/page", "http://www.A.example:8080/", "https://b.example/", "mailto:x", "https://"]


@pytest.mark.parametrize("bounds", [(4, 6), (1000, 10_000)])
def test_paths_without_end(warehouse: Warehouse, bounds: tuple[int, int]) -> None:
    """Ever new paths and hosts have rows up to the bounds; no request is lost, no other error pushed out."""
    rng = random.Random(4)
    start = datetime.fromisoformat(f"{DAY}T00:00:00+00:00")
    rows: list[dict[str, Any]] = []
    for number in range(400):
        is_hostile = number % 4 != 0
        rows.append(
            {
                "host": rng.choice(["a.example", "A.example:80", f"{number}.example", None]),
                "path": f"/{number}" if is_hostile else rng.choice(["/gone", "/lost", None, "/" + "long" * 200]),
                "referer": None if is_hostile else rng.choice(REFERERS),
                "status": 404 if is_hostile else rng.choice([200, 404, 410, 500, 503]),
                "remote_addr": f"192.0.2.{number % 7}",
                "timestamp": start + timedelta(minutes=3 * number),
            }
        )
    load_requests(warehouse, rows)
    warehouse.run(warehouse.sql("daily/request_groups.sql", most_errors=bounds))
    warehouse.run(warehouse.sql("findings/rebuild.sql", findings=["daily_errors"]))
    expected = errors(seen(warehouse), *bounds)
    found = by_day(warehouse, "daily_errors")
    assert in_order(found) == in_order(expected)
    ((_, of_day),) = found.items()
    # Two kinds of errors, and the rest of each status.
    assert len(of_day) <= 2 * bounds[1] + 4
    assert sum(row[7] for row in of_day) == sum(row["status"] >= 400 for row in rows)
