"""Every figure of every summary equals what plain Python makes of the same log: see independent.py."""

import json
import random
import shutil
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from tests.sql.conftest import SummarisedLog
from tests.sql.days import build, load, rebuild
from tests.sql.independent import COMBINED, Hit, client, read_hits, summaries, verified
from tests.sql.independent_anomalies import anomalies
from tests.sql.test_anomalies import SHAPE, found, load_traffic, rounded
from tests.sql.warehouse import DAILY_TABLES, FINDINGS, Warehouse, portion_of

pytestmark = pytest.mark.integration

DAYS = [date(2015, 5, 15) + timedelta(number) for number in range(4)]
AGENTS = [None, "", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Googlebot/2.1"]
HOSTS = [None, "", "example.org", "WWW.Example.org:8080"]
PATHS = [None, "", "/a", "/b", "/a.css", "/robots.txt", "/.env"]
QUERIES = [
    None,
    "",
    "utm_source=chatgpt.com",
    "x=1&UTM_Source=A+b%20C&utm_campaign=Spring",
    "utm_medium=E-Mail&utm_source=",
    "utm_source=x",
]
REFERERS = [
    *(None, "", "/a", "mailto:a@example.org", "http://", "https://Example.org:8080/x?y=http://other.example/#z"),
    *("http://user:word@example.org", "android-app://com.example/", "http://[2001:DB8::1]:80/", "//example.org/a"),
    *("https://www.google.de/", "https://semicomplete.com/b", "https://t.co/x"),
]
OF_VISITS = ("daily_channels", "daily_pages", "daily_sessions")
TYPES = {
    "log_date": pa.date32(),
    **dict.fromkeys(("timestamp", "ingested_at"), pa.timestamp("us", tz="UTC")),
    **dict.fromkeys(("status", "body_bytes_sent", "source_offset", "asn", "sequence", "connection"), pa.int64()),
    **dict.fromkeys(("is_bot", "agent_verified"), pa.bool_()),
    "request_duration_ms": pa.float64(),
    "raw_line_hash": pa.binary(),
}
COLUMN_OF = {
    "moment": "timestamp",
    "address": "remote_addr",
    "agent": "user_agent",
    "size": "body_bytes_sent",
    "duration": "request_duration_ms",
}


def by_day(warehouse: Warehouse, table: str) -> dict[date, Counter]:
    rows: dict[date, Counter] = {}
    for row in warehouse.rows(table):
        rows.setdefault(row["log_date"], Counter())[tuple(row.values())] += 1
    return rows


def as_counters(rows: dict[date, list]) -> dict[date, Counter]:
    return {day: Counter(of_day) for day, of_day in rows.items()}


@pytest.fixture(params=["generated_days", "site_days", "real_days"])
def days(request) -> SummarisedLog:
    found: SummarisedLog = request.getfixturevalue(request.param)
    return found


def test_every_figure_of_a_log(days):
    hits = [hit for _, hit in read_hits(days.log)]
    assert len(hits) > 9_000
    expected = summaries(hits)
    assert {*expected, "anomalies", "daily_rejected_lines"} == {*DAILY_TABLES, *FINDINGS}
    # Of no day are there weeks before.
    assert by_day(days.warehouse, "anomalies") == {}
    # Whatever is no request counts on the day that most of its object's are of.
    (day, _), *_ = sorted(Counter(hit.moment.date() for hit in hits).items(), key=lambda one: (-one[1], one[0]))
    lines = sum(bool(line.strip()) for line in days.log.split(b"\n"))
    rejected = days.warehouse.rows("daily_rejected_lines")
    assert sum(row["lines"] for row in rejected) == lines - len(hits)
    assert {(row["log_date"], row["source"], row["objects"]) for row in rejected} == {(day, "backfill", 1)}
    for table, of_days in expected.items():
        assert by_day(days.warehouse, table) == as_counters(of_days), table


def test_anomalies_of_a_log(days, own_warehouse):
    """Before the log's days lie eight weeks of the same, more or less; in some hours of its days something is odd."""
    rng = random.Random(6)
    now = [
        dict(zip(SHAPE.names, row, strict=True))
        for of_day in summaries(hit for _, hit in read_hits(days.log))["hourly_traffic"].values()
        for row in of_day
    ]
    traffic = []
    for row in now:
        for week in range(1, 9):
            if rng.random() < 0.97:
                past = {name: row[name] - timedelta(weeks=week) for name in ("log_date", "hour")}
                traffic.append(row | past | {"requests": round(row["requests"] * rng.uniform(0.8, 1.2))})
        match rng.randrange(12):
            case 0:
                continue
            case 1:
                row["requests"] *= 9
            case 2:
                row["server_errors"] = row["requests"]
            case 3 if row["p95_duration_ms"]:
                row["p95_duration_ms"] *= 20
        traffic.append(row)
    load_traffic(own_warehouse, traffic)
    today = datetime.now(UTC).date()
    measures = set()
    for day in {row["log_date"] for row in now}:
        expected = anomalies(traffic, day, today)
        assert rounded(found(own_warehouse, day)[0]) == rounded(expected)
        measures |= {row[3] for row in expected}
    assert measures >= {"requests", "server_error_share"}


@pytest.mark.skipif(shutil.which("goaccess") is None, reason="goaccess is not installed: apt-get install goaccess")
def test_totals_are_those_of_goaccess(days, tmp_path):
    """GoAccess 1.7 and later, asked to count as we do.

    It gets the good lines alone, since it takes lines for requests that lack their last quote, and of these what
    `combined` has. A client error makes a visitor too (`--4xx-to-unique-count`), and crawlers are visitors. Paths are
    not compared: it decodes and trims them.
    """
    log, report = tmp_path / "good.log", tmp_path / "report.json"
    log.write_bytes(b"".join(COMBINED.match(line)[0] + b"\n" for line, _ in read_hits(days.log)))
    command = ["goaccess", log, "--no-global-config", "--log-format=COMBINED", "--4xx-to-unique-count", "--no-progress"]
    subprocess.run([*command, "--max-items=10000000", "-o", report], check=True, capture_output=True)
    # It copies bytes of the log that are no UTF-8.
    panels = json.loads(report.read_bytes().decode(errors="replace"))

    def panel(name: str, *figures: str) -> Counter:
        items = [sub for item in panels[name]["data"] for sub in item.get("items", [item])]
        return Counter((item["data"].split(" ")[0], *(item[figure]["count"] for figure in figures)) for item in items)

    def query(key: str, rest: str) -> Counter:
        sql = f"SELECT {key} AS key, SUM(requests) AS requests, SUM(bytes) AS bytes {rest} GROUP BY key"
        rows = days.warehouse.run(sql.replace("FROM ", f"FROM {days.warehouse.dataset}."))
        return Counter(tuple(row.values()) for row in rows)

    day, visitor = "FORMAT_DATE('%Y%m%d', log_date)", "CONCAT(remote_addr, ' ', IFNULL(user_agent, ''))"
    assert query(day, "FROM daily_summary") == panel("visitors", "hits", "bytes")
    assert query(day, f", COUNT(DISTINCT {visitor}) AS visitors FROM daily_visitors") == panel(
        "visitors", "hits", "bytes", "visitors"
    )
    assert query("CAST(status AS STRING)", "FROM daily_statuses") == panel("status_codes", "hits", "bytes")
    assert query("FORMAT_TIMESTAMP('%H', hour)", "FROM hourly_traffic") == panel("visit_time", "hits", "bytes")
    hosts = query("referer_host", "FROM daily_referers WHERE referer_host IS NOT NULL")
    assert hosts == panel("referring_sites", "hits", "bytes")


def drawn_hits(rng: random.Random, visitors: int) -> list[Hit]:
    """Requests of `DAYS`: many just around the pause, the midnights and the noons, some going on for days."""
    hits = []
    for visitor in range(visitors):
        start = datetime.combine(rng.choice(DAYS), datetime.min.time(), UTC)
        moment = start + rng.choice([timedelta(0), timedelta(hours=12), timedelta(seconds=rng.randrange(86400))])
        moment += timedelta(seconds=rng.choice([-1800, -1, 0, 1, -600]))
        agent = rng.choice(AGENTS)
        restless, hosts = rng.random() < 0.2, rng.choices(HOSTS, k=rng.choice([1, 2]))
        for _ in range(130 if restless else rng.randrange(1, 9)):
            if moment.date() in DAYS:
                path, duration = rng.choice(PATHS), rng.choice([None, 0.5, 1.0, 20.25, 3000.0])
                status, method = rng.choice([200, 200, 304, 404]), rng.choice(["GET", "GET", "GET", "POST", None])
                address, referer, host = f"192.0.2.{visitor}", rng.choice(REFERERS), rng.choice(hosts)
                request = (host, method, rng.choice(QUERIES))
                hits.append(Hit(moment, address, agent, path, referer, status, 7, duration, *request))
            moment += timedelta(minutes=rng.choice([25, 29.99, 30] if restless else [0, 1, 29, 29.99, 30, 30.01, 90]))
    rng.shuffle(hits)
    return hits


def as_requests(hits: list[Hit], warehouse: Warehouse) -> pa.Table:
    """Rows of the table requests; two requests at one instant are in the order of their lines in the file."""
    names = [field.name for field in warehouse.client.get_table(f"{warehouse.dataset}.requests").schema]
    rows = []
    for number, hit in enumerate(hits):
        said = client(hit.agent)
        row = hit._asdict() | said._asdict() | {"event_id": f"{number}", "source_offset": number, "source": "backfill"}
        row |= {"agent_kind": said.who.kind, "agent_name": said.who.name, "agent_operator": said.who.operator}
        row |= {column: row[name] for name, column in COLUMN_OF.items()}
        rows.append(row | {"log_date": hit.moment.date(), "agent_verified": verified(hit)})
    return pa.Table.from_pylist(rows, pa.schema([(name, TYPES.get(name, pa.string())) for name in names]))


def test_sessions_follow_whichever_day_changes(own_warehouse):
    """A day's rebuild sets the sessions of the days beside it right: in any order, and when lines come or go later."""
    rng = random.Random(5)
    hits = drawn_hits(rng, 120)
    early = [hit for hit in hits if rng.random() < 0.7]
    removed = [hit for hit in early if rng.random() < 0.1]
    requests = f"{own_warehouse.dataset}.requests"
    own_warehouse.insert(
        "daily_sessions", [{"log_date": day, "requests": 1, "why": "of an older build"} for day in DAYS]
    )
    load(own_warehouse, "requests", as_requests(early, own_warehouse))
    of_early = as_counters(summaries(early)["daily_sessions"])
    beside = [f"{day}" for day in DAYS if day != DAYS[2]]
    build(own_warehouse, portion_of(DAYS[2], unknown=beside), "daily_sessions")
    found = by_day(own_warehouse, "daily_sessions")
    assert [found[day] for day in DAYS[1:]] == [of_early[day] for day in DAYS[1:]], "days beside lack their hosts"
    for day in rng.sample(DAYS, len(DAYS)):
        rebuild(own_warehouse, day, "daily_sessions")
    assert by_day(own_warehouse, "daily_sessions") == of_early
    now = [hit for hit in hits if hit not in removed]
    for day in rng.sample(DAYS, len(DAYS)):
        of_day = [hit for hit in now if hit.moment.date() == day]
        own_warehouse.run(f"DELETE FROM {requests} WHERE log_date = DATE '{day}'")
        load(own_warehouse, "requests", as_requests(of_day, own_warehouse))
        rebuild(own_warehouse, day, *OF_VISITS)
    expected = summaries(now)
    for table in OF_VISITS:
        assert by_day(own_warehouse, table) == as_counters(expected[table]), table
    middle = DAYS[2]
    rebuild(own_warehouse, middle, *DAILY_TABLES, *FINDINGS)
    for table, days in expected.items():
        assert by_day(own_warehouse, table)[middle] == Counter(days[middle]), table
    checks = own_warehouse.run(own_warehouse.sql("daily_summary/checks.sql", portion_of(middle)))
    assert checks
    assert [check for check in checks if check["level"] == "fail" and not check["passed"]] == []
