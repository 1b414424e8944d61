"""The database of addresses from the command line to what the jobs write."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from beam_jobs.backfill import job as backfill
from beam_jobs.options.places import make_places
from beam_jobs.stream.messages import Message, parse_messages
from beam_jobs.stream.options import parse_stream_options
from tests.mmdb import write_mmdb

LINE = '203.0.113.77 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
RECORD = {"country_code": "CH", "asn": "AS64500", "as_name": "Example Networks"}
PLACE = ("CH", 64500, "Example Networks")
STREAM = ["--subscription=projects/logline-local/subscriptions/lines", "--dataset=logline-local.logline"]


def place(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in ("country", "asn", "network"))


def test_backfill_and_stream_write_places_of_anonymised_clients(tmp_path: Path) -> None:
    database = write_mmdb(tmp_path / "lite.mmdb", {"203.0.113.0/24": RECORD})
    (tmp_path / "access.log").write_text(LINE)
    options = ["--anonymise=truncate", f"--places={database}"]
    assert backfill.main([f"--source={tmp_path}/access.log", f"--output={tmp_path}/out", "--run_id=r", *options]) == 0
    (rows,) = (tmp_path / "out" / "rows").rglob("*.parquet")
    (row,) = pq.read_table(rows).to_pylist()
    assert (row["remote_addr"], place(row)) == ("203.0.113.0", PLACE)
    settings, _ = parse_stream_options([*STREAM, "--log_format=combined", *options])
    that_day = datetime(2015, 5, 17, tzinfo=UTC)
    streamed = parse_messages([Message(LINE.encode(), "1")], settings.make_parser(), "s", that_day)
    assert place(streamed.rows.to_pylist()[0]) == PLACE


@pytest.mark.parametrize("name", ["missing.mmdb", "broken.mmdb"])
def test_a_database_that_cannot_be_used_is_one_line_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "broken.mmdb").write_bytes(b"no database")
    arguments = [f"--places={tmp_path}/{name}", f"--source={tmp_path}/*", "--run_id=r"]
    assert backfill.main([*arguments, f"--output={tmp_path}/out"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("--places: ")
    assert name in said
    assert not (tmp_path / "out").exists()


def test_nothing_is_looked_up_where_nobody_wants_it() -> None:
    assert make_places("none") is None
