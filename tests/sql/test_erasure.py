"""A person is out of every table, the sums hold, and all else is as if the person had never come."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from google.cloud.bigquery import ScalarQueryParameter

from logline.erasure.plan import TOO_NEW_MINUTES, Subjects
from tests.sql.days import summarise
from tests.sql.warehouse import DAILY_TABLES, Warehouse

pytestmark = pytest.mark.integration

DAYS = ("2015-05-17", "2015-05-18")
PERSON, OTHER, LONGER = "203.0.113.7", "198.51.100.9", "203.0.113.77"
FILES = ("gs://logs/a.log", "gs://logs/b.log")
SUBSCRIPTION = "projects/p/subscriptions/s"
NAMES = {
    "run_id": "erasure-1",
    "first_day": "1970-01-01",
    "last_day": "9999-12-31",
    "requested_by": "admin",
    "subject_sha256": "ab" * 32,
    "too_new_minutes": TOO_NEW_MINUTES,
}
TABLES = ("streamed_requests", "backfilled_requests", "requests", "rejected_lines", "session_parts", *DAILY_TABLES)
WITHOUT_NOW = ("ingested_at", "replayed_at")


def hit(number: int, address: str, day: str = DAYS[0], **more: object) -> dict[str, object]:
    """A request that has a line of its own."""
    moment = f"{day} 10:{number:02}:00+00"
    return {
        "event_id": f"e{number}",
        "line": f"{number} {address}",
        "log_date": day,
        "timestamp": moment,
        "remote_addr": address,
        "path": f"/{number}",
        **more,
    }


def load(warehouse: Warehouse, addresses: Iterable[str]) -> None:
    """Two files, two batches of the stream, rejected lines of both, one of them replayed; of these addresses alone.

    The first day was streamed and backfilled: its lines are in both.
    """
    wanted = set(addresses)

    def kept(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [row for row in rows if row.get("remote_addr", row.pop("of", None)) in wanted]

    in_files = {
        FILES[0]: kept([hit(1, PERSON), hit(2, OTHER), hit(3, PERSON, DAYS[1]), hit(4, LONGER)]),
        FILES[1]: kept([hit(5, OTHER, DAYS[1], forwarded_for=f"10.0.0.1, {LONGER}")]),
    }
    replayed = kept([hit(6, PERSON, source_uri=FILES[1])])
    rejected = {
        FILES[0]: kept([{"event_id": "r1", "raw_line": f"{LONGER} - - [x] bad".encode(), "of": LONGER}]),
        FILES[1]: kept(
            [
                {
                    "event_id": "e6",
                    "raw_line": b"no address in here",
                    "of": PERSON,
                    "replayed_at": "2015-05-19 00:00:00+00",
                },
                {"event_id": "r2", "raw_line": f"\xff {PERSON}:5555 - - [x] bad".encode("latin-1"), "of": PERSON},
            ]
        ),
    }
    for uri in FILES:
        of_file = {"source_uri": uri, "run_id": f"run {uri}"}
        days = [
            {**of_file, "log_date": day, "rows": sum(row["log_date"] == day for row in in_files[uri])} for day in DAYS
        ]
        counts = {"rows": len(in_files[uri]), "rejected": len(rejected[uri])}
        entry = {**of_file, **counts, "lines": sum(counts.values()) + 1, "blank": 1}
        warehouse.insert("ledger", [entry])
        warehouse.insert("ledger_days", [day for day in days if day["rows"]])
        warehouse.insert("backfilled_requests", [{**row, "source_uri": uri} for row in in_files[uri]])
        warehouse.insert(
            "rejected_lines", [{**line, "source": "backfill", "source_uri": uri} for line in rejected[uri]]
        )
    if replayed:
        of_replay = {"run_id": "replay-1", "source_uri": FILES[1]}
        warehouse.insert("backfilled_requests", replayed)
        warehouse.insert("ledger", [{**of_replay, "source": "replay", "lines": 1, "rows": 1}])
        warehouse.insert("ledger_days", [{**of_replay, "log_date": DAYS[0], "rows": 1}])
    for number, address in enumerate((PERSON, OTHER, PERSON)):
        made = f"2015-05-17 11:0{min(number, 1)}:00+00"
        if address in wanted:
            of_batch = {"ingested_at": made, "source_uri": SUBSCRIPTION}
            row = hit(1 + number % 2, address) | of_batch | {"event_id": f"m{number}"}
            warehouse.insert("streamed_requests", [row])
    streamed = {0: [PERSON], 1: [OTHER, PERSON]}
    for batch, of_batch in streamed.items():
        rows = sum(address in wanted for address in of_batch)
        lost = [PERSON, OTHER] if batch == 0 else []
        bad = sum(address in wanted for address in lost)
        common = {"batch_id": f"b{batch}", "ingested_at": f"2015-05-17 11:0{batch}:00+00", "source_uri": SUBSCRIPTION}
        of_no_day = {**common, "log_date": None, "messages": 3, "lines": bad, "rejected": bad, "bytes": 9}
        warehouse.insert("stream_batches", [of_no_day, {**common, "log_date": DAYS[0], "lines": rows, "rows": rows}])
        warehouse.insert(
            "rejected_lines",
            [
                {
                    "source": "stream",
                    "source_uri": SUBSCRIPTION,
                    "ingested_at": "2015-05-17 11:00:00+00",
                    "event_id": f"bad {address}",
                    "raw_line": f"bad {address} -".encode(),
                }
                for address in lost
                if address in wanted
            ],
        )


def parameters(subjects: Subjects, first: str = "1970-01-01", last: str = "9999-12-31"):
    values = subjects.parameters() | {"start_date": first, "end_date": last, "run_id": NAMES["run_id"]}
    return [ScalarQueryParameter(name, "STRING", value) for name, value in values.items()]


def ask(warehouse: Warehouse, name: str, subjects: Subjects):
    return warehouse.run(warehouse.sql(f"erasures/{name}.sql", **NAMES), parameters(subjects))


def erase(warehouse: Warehouse, subjects: Subjects) -> None:
    """What the tasks of the DAG run; each of them twice, as a retry would."""
    for name in ("select", "select_addresses", "select_batches"):
        for _ in range(2):
            ask(warehouse, name, subjects)
    for name in ("erase_streamed", "erase"):
        for _ in range(2):
            warehouse.run(warehouse.sql(f"erasures/{name}.sql", **NAMES))


def dropped(warehouse: Warehouse) -> None:
    warehouse.run(warehouse.sql("erasures/drop_staging.sql", **NAMES))


def contents(warehouse: Warehouse) -> dict[str, list[str]]:
    return {
        table: sorted(
            str({name: value for name, value in row.items() if name not in WITHOUT_NOW})
            for row in warehouse.rows(table)
        )
        for table in TABLES
    }


def unbalanced(warehouse: Warehouse) -> list[dict[str, object]]:
    return warehouse.run(f"SELECT * FROM {warehouse.dataset}.reconciliation WHERE status != 'balanced'")


def test_a_person_is_out_of_every_table_as_if_never_there(warehouse: Warehouse) -> None:
    load(warehouse, [OTHER, LONGER])
    summarise(warehouse)
    assert unbalanced(warehouse) == []
    wanted = contents(warehouse)
    warehouse.clear()

    load(warehouse, [PERSON, OTHER, LONGER])
    summarise(warehouse, "before")
    assert unbalanced(warehouse) == []
    subjects = Subjects((PERSON,), ())
    found = {row["table_name"]: (row["found"], row["too_new"]) for row in ask(warehouse, "found", subjects)}
    assert found == {
        "backfilled_requests": (3, 0),
        "streamed_requests": (2, 0),
        "rejected_backfilled": (2, 0),
        "rejected_streamed": (1, 0),
        # The line that was both streamed and backfilled, and streamed once more: two requests.
        "requests": (4, 0),
        "daily_visitors": (2, 0),
        "daily_sessions": (2, 0),
    }
    erase(warehouse, subjects)
    assert [check for check in ask(warehouse, "checks", subjects) if not check["passed"]] == []
    report = {row["table_name"]: row["rows"] for row in ask(warehouse, "report", subjects)}
    assert report == {table: rows for table, (rows, _) in found.items()}
    dropped(warehouse)
    built = summarise(warehouse, "after")
    assert {day.day for day in built} == set(DAYS)
    assert contents(warehouse) == wanted
    assert unbalanced(warehouse) == []
    entries = warehouse.rows("erasures")
    assert {(entry["requested_by"], entry["subject_sha256"]) for entry in entries} == {("admin", "ab" * 32)}
    assert not any(PERSON in str(entry) for entry in entries)
    assert FILES[0] in next(row["source_objects"] for row in entries if row["table_name"] == "backfilled_requests")


def test_each_check_of_the_proof_finds_what_has_come_meanwhile(warehouse: Warehouse) -> None:
    load(warehouse, [PERSON, OTHER])
    subjects = Subjects((PERSON,), ())
    erase(warehouse, subjects)
    for table in ("streamed_requests", "backfilled_requests", "requests"):
        warehouse.insert(table, [hit(9, PERSON)])
    for source in ("stream", "backfill"):
        late = {"event_id": f"late {source}", "raw_line": f"{PERSON} bad".encode(), "source": source}
        warehouse.insert("rejected_lines", [late])
    of_visit = {"remote_addr": PERSON, "requests": 1, "bytes": 1}
    warehouse.insert("daily_visitors", [of_visit])
    warehouse.insert("daily_sessions", [of_visit])
    warehouse.run(
        f"INSERT INTO {warehouse.dataset}.session_parts (log_date, remote_addr, is_early, is_late, is_afternoon, "
        "first_request, last_request, requests, errors, bytes) VALUES (DATE '2015-05-17', "
        f"'{PERSON}', TRUE, FALSE, FALSE, '2015-05-17 00:00:01+00', '2015-05-17 00:00:01+00', 1, 0, 1)"
    )
    checks = ask(warehouse, "checks", subjects)
    assert len(checks) == 9
    assert [check["check_name"] for check in checks if check["passed"]] == []
    dropped(warehouse)


def test_rows_that_have_not_landed_are_erased_and_counted_nowhere(warehouse: Warehouse) -> None:
    """A landing has copied a newer reading of the first file, of one person more, and has not ended."""
    load(warehouse, [PERSON, OTHER])
    on_their_way = [hit(1, PERSON), hit(2, OTHER), hit(8, PERSON)]
    warehouse.insert("backfilled_requests", [{**row, "source_uri": FILES[0], "reading": 7} for row in on_their_way])
    warehouse.insert("copied_readings", [{"reading": 7}, {"reading": 8}])
    subjects = Subjects((PERSON,), ())
    erase(warehouse, subjects)
    assert [check for check in ask(warehouse, "checks", subjects) if not check["passed"]] == []
    entries = sorted(warehouse.rows("ledger"), key=lambda entry: entry["finished"])
    (erased,) = [entry for entry in entries if entry["source_uri"] == FILES[0] and entry["run_id"] == NAMES["run_id"]]
    assert (erased["lines"], erased["rows"]) == (2, 1), "of three lines two were of the person that had landed"
    assert "unbalanced" not in {day["status"] for day in unbalanced(warehouse)}
    still = {row["event_id"] for row in warehouse.rows("backfilled_requests") if row["reading"] == 7}
    assert still == {"e2"}
    given_up = {row["reading"] for row in warehouse.rows("copied_readings") if row["copied_until"] < datetime.now(UTC)}
    assert given_up == {7}, "the landing inserts its rows, without the person's; the other one may count on its copy"
    dropped(warehouse)


def test_a_user_is_found_by_name_and_those_forwarded_by_address(warehouse: Warehouse) -> None:
    rows = [
        hit(1, OTHER, remote_user="maria"),
        hit(2, OTHER, remote_user="maria.lopez"),
        hit(3, OTHER, forwarded_for=f"{PERSON}, 10.0.0.1"),
        hit(4, OTHER, forwarded_for=LONGER),
    ]
    warehouse.insert("backfilled_requests", rows)
    assert ask(warehouse, "found", Subjects((), ("maria",)))[0]["found"] == 1
    assert ask(warehouse, "found", Subjects((PERSON,), ()))[0]["found"] == 1
    assert ask(warehouse, "found", Subjects((PERSON,), ("maria", "maria.lopez")))[0]["found"] == 3


def test_what_the_stream_has_just_written_is_too_new(warehouse: Warehouse) -> None:
    now = datetime.now(UTC)
    warehouse.insert("streamed_requests", [hit(1, PERSON, f"{now:%Y-%m-%d}", ingested_at=f"{now}"), hit(2, PERSON)])
    (found,) = ask(warehouse, "found", Subjects((PERSON,), ()))
    assert (found["found"], found["too_new"]) == (2, 1)
    assert found["not_before"] > f"{now:%Y-%m-%d %H:%M}"


def test_what_has_outlived_its_landing_rows_is_found_and_erased(warehouse: Warehouse) -> None:
    warehouse.insert("requests", [hit(1, PERSON), hit(2, OTHER)])
    warehouse.insert(
        "daily_visitors", [{"remote_addr": address, "requests": 1, "bytes": 1} for address in (PERSON, OTHER)]
    )
    subjects = Subjects((PERSON,), ())
    assert {row["table_name"]: row["found"] for row in ask(warehouse, "found", subjects)} == {
        "requests": 1,
        "daily_visitors": 1,
    }
    erase(warehouse, subjects)
    assert [check for check in ask(warehouse, "checks", subjects) if not check["passed"]] == []
    assert [row["remote_addr"] for row in warehouse.rows("requests")] == [OTHER]
    assert [row["remote_addr"] for row in warehouse.rows("daily_visitors")] == [OTHER]
    dropped(warehouse)
