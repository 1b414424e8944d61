"""The replay with its real runner, over a table of the BigQuery emulator."""

import json
from pathlib import Path
from typing import Any

import mmh3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_jobs.output.identity import ROWS_SCHEMA
from beam_jobs.replay import job as replay
from local_stack.running import RunningStack

pytestmark = pytest.mark.integration

COMBINED = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"'
COMMON = '192.0.2.1 - - [18/May/2015:10:05:03 +0000] "GET /b HTTP/1.1" 200 5'
LINES = [
    ("a:1", "backfill", "gs://logs/a.log", "7", COMBINED, "'combined'"),
    ("a:2", "backfill", "gs://logs/a.log", "90", "no log line", "'combined'"),
    ("m1", "stream", "projects/p/subscriptions/s", "NULL", COMMON, "'common'"),
    ("m2", "stream", "projects/p/subscriptions/s", "NULL", COMMON, "NULL"),
]


@pytest.fixture(scope="module")
def dataset(emulators: RunningStack) -> str:
    """A dataset with the tables `lines` and `none`."""
    selected = " UNION ALL ".join(
        f"SELECT '{event_id}' AS event_id, '{source}' AS source, '{uri}' AS source_uri,"
        f" CAST({offset} AS INT64) AS source_offset, b'{line}' AS raw_line, CAST({name} AS STRING) AS log_format"
        for event_id, source, uri, offset, line, name in LINES
    )
    client = emulators.bigquery()
    client.create_dataset("replay_job")
    client.query_and_wait(f"CREATE TABLE replay_job.lines AS {selected}")
    client.query_and_wait("CREATE TABLE replay_job.none AS SELECT * FROM replay_job.lines WHERE FALSE")
    client.close()
    return f"{emulators.project}.replay_job"


def run(table: str, output: Path) -> tuple[dict[str, Any], pa.Table]:
    """Run the job; its manifest and its rows."""
    assert replay.main([f"--lines={table}", f"--output={output}", "--run_id=test"]) == 0
    manifest: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    return manifest, pa.concat_tables(pq.read_table(name) for name in manifest["files"]["rows"])


def test_rows_keep_the_identities_of_their_lines(
    emulator_environment: RunningStack, dataset: str, tmp_path: Path
) -> None:
    manifest, rows = run(f"{dataset}.lines", tmp_path)
    assert manifest["totals"] == {"lines": 4, "rows": 2, "rejected": 2, "blank": 0}
    assert manifest["rejected_by_reason"] == {"not_matching_format": 1, "unknown_format": 1}
    assert manifest["rows_by_date"] == {"2015-05-17": 1, "2015-05-18": 1}
    assert rows.schema.names == ROWS_SCHEMA.names
    names = ("event_id", "source", "source_uri", "source_offset", "path")
    found = sorted(tuple(row[name] for name in names) for row in rows.to_pylist())
    assert found == [
        ("a:1", "backfill", "gs://logs/a.log", 7, "/a"),
        ("m1", "stream", "projects/p/subscriptions/s", None, "/b"),
    ]
    assert set(rows["raw_line_hash"].to_pylist()) == {mmh3.hash_bytes(line) for line in (COMBINED, COMMON)}


def test_no_line_at_all_is_a_manifest_without_rows(
    emulator_environment: RunningStack, dataset: str, tmp_path: Path
) -> None:
    manifest, rows = run(f"{dataset}.none", tmp_path)
    assert manifest["totals"] == {"lines": 0, "rows": 0, "rejected": 0, "blank": 0}
    assert (rows.num_rows, rows.schema.names) == (0, ROWS_SCHEMA.names)


def test_a_missing_table_is_said_in_one_line(
    emulator_environment: RunningStack, dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay.main([f"--lines={dataset}.nowhere", f"--output={tmp_path}", "--run_id=test"]) == 1
    assert f"{dataset}.nowhere cannot be read" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "manifest.json").exists()
