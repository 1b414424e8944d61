"""The detections find their examples, not their counter-examples: by regular expressions of BigQuery and of Python."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from logline.detections import FIELDS, Detection, Example, load_detections
from tests.sql.conftest import SummarisedLog
from tests.sql.days import load, rebuild
from tests.sql.independent_detections import Seen, detections, matching
from tests.sql.test_independent_figures import TYPES
from tests.sql.warehouse import DAY, REQUEST, SETTINGS, Warehouse, plain

KNOWN: list[Detection] = SETTINGS["detections"]
SEEN = ", ".join(Seen._fields)


def examples() -> Iterator[tuple[str, Example, bool]]:
    """Each example with the detection, and whether it is to be found."""
    for detection in KNOWN:
        yield from ((detection.id, one, True) for one in detection.examples)
        yield from ((detection.id, one, False) for one in detection.counter_examples)


def load_requests(warehouse: Warehouse, rows: Iterable[Mapping[str, Any]]) -> None:
    """Load rows of `requests`, at five past ten unless they say otherwise."""
    names = [field.name for field in warehouse.client.get_table(f"{warehouse.dataset}.requests").schema]
    instants = {"timestamp": datetime.fromisoformat(f"{DAY}T10:05:03+00:00"), "ingested_at": None}
    whole = [
        REQUEST | instants | {"log_date": date.fromisoformat(DAY), "event_id": f"{number}", "source": "backfill"} | row
        for number, row in enumerate(rows)
    ]
    schema = pa.schema([(name, TYPES.get(name, pa.string())) for name in names])
    load(warehouse, "requests", pa.Table.from_pylist(whole, schema))


def seen(warehouse: Warehouse) -> list[Seen]:
    rows = warehouse.run(f"SELECT {SEEN} FROM {warehouse.dataset}.requests WHERE log_date > DATE '1970-01-01'")
    return [Seen(**row) for row in rows]


def by_day(warehouse: Warehouse, table: str) -> dict[Any, list[tuple[Any, ...]]]:
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for row in warehouse.rows(table):
        found.setdefault(row["log_date"], []).append(tuple(row.values()))
    return found


def in_order(rows: dict[Any, list[tuple[Any, ...]]]) -> dict[Any, list[tuple[Any, ...]]]:
    return {day: sorted(of_day, key=str) for day, of_day in rows.items()}


@pytest.mark.parametrize(("name", "example", "is_found"), examples())
def test_python_finds_the_examples(name: str, example: Example, is_found: bool) -> None:
    found = matching(example.path, example.query, example.referer, example.user_agent, example.method, example.status)
    assert (name in found) is is_found


@pytest.mark.integration
def test_bigquery_finds_the_examples(warehouse: Warehouse) -> None:
    """The numbers of rows are those of the examples."""
    known = list(examples())
    load_requests(
        warehouse, [one.model_dump() | {"remote_addr": f"{number}"} for number, (_, one, _) in enumerate(known)]
    )
    found = {
        (int(row["remote_addr"]), name)
        for row in warehouse.run(warehouse.sql("findings/daily_detections/requests.sql"))
        for name in row["detections"].split()
    }
    wrong = [(name, one) for number, (name, one, is_found) in enumerate(known) if ((number, name) in found) != is_found]
    assert wrong == []
    by_python = {
        (number, name)
        for number, (_, one, _) in enumerate(known)
        for name in matching(one.path, one.query, one.referer, one.user_agent, one.method, one.status)
    }
    assert found == by_python


@pytest.mark.integration
def test_thresholds(warehouse: Warehouse) -> None:
    """Of one address within an hour of the clock; of a crawler that is who it says, never."""
    login = {"method": "POST", "path": "/login", "status": 401, "host": "a.example"}
    ten = datetime.fromisoformat(f"{DAY}T10:00:00+00:00")
    rows: list[dict[str, Any]] = [
        login | {"remote_addr": address, "timestamp": ten + timedelta(minutes=minute)}
        for address, minutes in (("192.0.2.1", range(20)), ("192.0.2.2", range(50, 79)))
        for minute in minutes
    ]
    for address, is_verified, paths in (("192.0.2.3", None, 40), ("192.0.2.4", True, 40), ("192.0.2.5", None, 29)):
        rows += [
            {"remote_addr": address, "agent_verified": is_verified, "path": f"/gone/{number % paths}", "status": 404}
            for number in range(40)
        ]
    load_requests(warehouse, rows)
    rebuild(warehouse, DAY, "daily_detections")
    columns = ("host", "detection", "requests", "addresses", "answered", "first_seen", "last_seen", "example")
    found = [tuple(plain(row[column]) for column in columns) for row in warehouse.rows("daily_detections", "detection")]
    assert found == [
        *[
            (
                "a.example",
                "login_brute_force",
                20,
                1,
                0,
                f"{DAY} 10:00:00",
                f"{DAY} 10:19:00",
                "POST /login Mozilla/5.0",
            )
        ],
        *[(None, "mass_not_found", 40, 1, 0, f"{DAY} 10:05:03", f"{DAY} 10:05:03", "GET /gone/0 Mozilla/5.0")],
    ]
    assert in_order(by_day(warehouse, "daily_detections")) == in_order(detections(seen(warehouse)))


@pytest.mark.integration
def test_detections_of_a_real_log(real_days: SummarisedLog) -> None:
    """Nothing is found but the probes that are in it: a reader has looked at each."""
    totals: dict[str, int] = {}
    for rows in by_day(real_days.warehouse, "daily_detections").values():
        for row in rows:
            totals[row[2]] = totals.get(row[2], 0) + row[5]
    assert totals == {"cms_probe": 50, "admin_consoles": 4}


def test_every_detection_looks_at_something() -> None:
    for detection in KNOWN:
        assert detection.patterns or detection.methods or detection.statuses, detection.id
        assert not [tag for tag in detection.tags if "," in tag or "'" in tag]
        assert not {*detection.by_field} - {*FIELDS}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"severity": "grave"}, "severity"),
        ({"id": "Not an id"}, "id"),
        ({"patterns": {"body": ["x"]}}, "patterns"),
        ({"examples": []}, "examples"),
        ({"pattern": "x"}, "pattern"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Any, changed: dict[str, Any], said: str) -> None:
    good = KNOWN[0].model_dump(mode="json") | changed
    (tmp_path / "a.yaml").write_text(f"[{good!r}]".replace("None", "null"))
    with pytest.raises(ValidationError, match=said):
        load_detections(tmp_path)
