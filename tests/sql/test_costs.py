"""Each statement reads the columns that it may: bytes for each landed row, as the local BigQuery counts them."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from beam_jobs.generate_logs import command as generate_logs
from tests.sql.costs import LAND, ParsedLog, bytes_of_builds, processed

pytestmark = pytest.mark.integration

LINES = 2_000
# Of a row of some 390 bytes, five rows of a visit. Statements that are not here read next to nothing for a row.
MOST_BYTES = {
    # Who and when a row is: reading, source_offset, log_date and timestamp.
    "backfilled_requests/checks.sql": 36,
    # Nothing of the rows: what was rejected.
    "backfilled_requests/land.sql": 6,
    # log_date and reading.
    "landing/checks.sql": 20,
    # The row with its reading, but not where it is from, a file; log_date of what it became.
    "requests/rebuild.sql": 423,
    # What the daily tables and findings show, and source_offset; these lines have no numbers.
    "daily/request_groups.sql": 260,
    # The groups, of which so few lines have about one each: those of visitors twice;
    # daily_sessions once more for each of the tables that are made of it.
    "daily/rebuild.sql": 335,
    # requests and bytes of the daily tables, and their visits.
    "daily_summary/checks.sql": 50,
    # The groups of errors, one line of ten here; hours of the day, and of the weekdays before.
    "findings/rebuild.sql": 20,
}
ELSE = 4


@pytest.fixture(scope="module")
def parsed() -> Iterator[ParsedLog]:
    # Its name is in each row.
    with TemporaryDirectory() as folder:
        yield _parsed(Path(folder))


def _parsed(folder: Path) -> ParsedLog:
    options = ["--start_date=2026-11-01", f"--lines_per_day={LINES}", f"--output={folder}/logs"]
    assert generate_logs.main(options) == 0
    return ParsedLog(folder / "logs/2026-11-01/access-0001.log", folder / "out", requests_a_visit=5)


def test_each_statement_keeps_to_its_budget(own_warehouse, parsed):
    parsed.stage(own_warehouse)
    found = {name: size / parsed.rows for name, size in bytes_of_builds(own_warehouse, parsed)}
    over = {name: round(size) for name, size in found.items() if size > MOST_BYTES.get(name, ELSE)}
    assert not over
    # Less than half of that would not be what is meant.
    assert not [name for name, most in MOST_BYTES.items() if found[name] < most / 2]
    assert sum(found[name] for name in LAND) < sum(found.values())


def test_a_day_does_not_read_what_was_long_before(warehouse):
    """The daily tables of other days cost nothing."""
    sql = warehouse.sql("daily/rebuild.sql")
    warehouse.run(warehouse.sql("daily/request_groups.sql"))
    warehouse.run(
        f"INSERT INTO {warehouse.dataset}.daily_pages (log_date, path, views, visitors, entries, exits, bounces)"
        " SELECT DATE '2014-05-17', CONCAT('/', n), 1, 1, 1, 1, 0 FROM UNNEST(GENERATE_ARRAY(1, 500)) AS n"
    )
    assert processed(warehouse, sql) == 0
