"""`daily_objectives` and what the view `objectives` makes of 28 days, against plain Python."""

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.sql.days import build
from tests.sql.independent_objectives import objectives
from tests.sql.test_detections import by_day, in_order, load_requests
from tests.sql.warehouse import DAY, Warehouse, portion_of

pytestmark = pytest.mark.integration

NEW = "INSERT INTO {}.daily_objectives VALUES {}"


def test_a_day_by_host(warehouse: Warehouse) -> None:
    rng = random.Random(2)
    start = datetime.fromisoformat(f"{DAY}T00:00:00+00:00")
    rows: list[dict[str, Any]] = [
        {
            "host": rng.choice(["shop.example", "www.example", None]),
            "status": rng.choice([200, 404, 499, 500, 503, 599, 600, None]),
            "request_duration_ms": rng.choice([None, 0.0, 299.9, 300.0, 300.1, 500.0, 500.5]),
            "timestamp": start + timedelta(minutes=rng.randrange(1440)),
            "path": f"/{number % 5}",
        }
        for number in range(300)
    ]
    load_requests(warehouse, rows)
    build(warehouse, portion_of(DAY), "daily_hosts", "daily_objectives")
    day = date.fromisoformat(DAY)
    expected = objectives((day, row["host"], row["status"], row["request_duration_ms"]) for row in rows)
    assert len(expected[day]) == 3
    assert in_order(by_day(warehouse, "daily_objectives")) == in_order(expected)


def test_what_is_left_of_the_budget(warehouse: Warehouse) -> None:
    """Over 28 days, of each host by itself; days without requests, as of a host that is new, do not count."""
    rng = random.Random(9)
    first = date(2026, 9, 1)
    kept: dict[str | None, dict[date, tuple[int, int, int, int]]] = defaultdict(dict)
    for number in range(40):
        for host in ("a.example", None):
            if rng.random() < 0.8:
                requests = rng.randrange(500, 2000)
                timed = rng.choice([0, requests])
                counts = (requests, rng.randrange(4), timed, timed - rng.randrange(100) if timed else 0)
                kept[host][first + timedelta(days=number)] = counts
    values = [
        f"(DATE '{day}', {'NULL' if host is None else repr(host)}, {', '.join(map(str, counts))}, 500.0, 0.95, 0.999)"
        for host, days in kept.items()
        for day, counts in days.items()
    ]
    warehouse.run(NEW.format(warehouse.dataset, ", ".join(values)))
    found = {
        (row["host"], row["objective"], row["log_date"]): row
        for row in warehouse.run(f"SELECT * FROM {warehouse.dataset}.objectives")
    }
    expected = 0
    for host, days in kept.items():
        for day in days:
            window = [of_day for past, of_day in days.items() if 0 <= (day - past).days < 28]
            timed = [of_day for of_day in window if of_day[2]]
            figures = {
                "availability": (window, sum(one[0] for one in window), sum(one[0] - one[1] for one in window), 0.999)
            }
            if days[day][2]:
                figures["speed"] = (timed, sum(one[2] for one in timed), sum(one[3] for one in timed), 0.95)
            for objective, (counted, requests, good, wanted) in figures.items():
                expected += 1
                row = found[host, objective, day]
                assert (row["days"], row["requests"], row["good"]) == (len(counted), requests, good)
                assert row["share"] == good / requests
                assert row["is_met"] is (good >= round(wanted * requests, 6))
                assert row["error_budget"] == pytest.approx((1 - wanted) * requests)
                assert row["budget_left"] == pytest.approx(1 - (requests - good) / ((1 - wanted) * requests), abs=1e-5)
                assert row["threshold_ms"] == (500.0 if objective == "speed" else None)
    assert len(found) == expected


def test_exactly_what_is_wanted_is_met(warehouse: Warehouse) -> None:
    warehouse.run(NEW.format(warehouse.dataset, f"(DATE '{DAY}', 'a.example', 1000, 1, 100, 95, 500.0, 0.95, 0.999)"))
    rows = warehouse.run(f"SELECT is_met, budget_left FROM {warehouse.dataset}.objectives")
    assert rows == 2 * [{"is_met": True, "budget_left": 0.0}]
