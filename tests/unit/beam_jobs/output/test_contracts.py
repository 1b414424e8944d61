"""The manifests that the jobs write are, value by value, the samples that the Airflow side is tested against."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.backfill import transforms
from beam_jobs.output import manifest as contract
from beam_jobs.output.manifest import MANIFEST_VERSION, Manifest, ReplayManifest, RunInfo, to_json
from beam_jobs.output.parquet_files import ParsedLines, write_block
from beam_jobs.output.records import SourceFailed, SourceFound, SourceSummary, SourceWarning
from beam_jobs.replay import job as replay
from beam_jobs.replay.job import PartReplayed
from beam_jobs.storage.objects import StoredObject

CONTRACTS = Path(__file__).parents[3] / "contracts"
STARTED = datetime(2026, 11, 22, 13, 0, 0, 123456, tzinfo=UTC)
FINISHED = datetime(2026, 11, 22, 13, 1, tzinfo=UTC)
OUTPUT = "gs://bucket/staging/run"
WARNING = "7 bytes behind the gzip stream are left out: they are not gzip"
LINES = (
    b'192.0.2.1 - - [17/May/2015:23:59:59 +0000] "GET /a HTTP/1.1" 200 5\n'
    b'192.0.2.1 - - [18/May/2015:00:00:01 +0000] "GET /b HTTP/1.1" 404 -\n'
    b"not a line\n"
    b"\n"
)


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return FINISHED


def backfill_manifest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the backfill's own steps write a block, an empty object and an error, and read the manifest."""
    monkeypatch.setattr(transforms, "datetime", Clock)
    run = RunInfo(
        run_id="scheduled__2015-05-18T00:00:00+00:00",
        job_name="log-backfill-2015-05-18",
        job_id="2026-11-22_13_00_00-1",
        source="gs://logs/2015-05-18/*",
        output=str(folder),
        parser_version="1",
        started=STARTED,
    )
    stored = StoredObject("gs://logs/2015-05-18/a.log", 42, len(LINES))
    parsed = ParsedLines.of(BlockParser(get_format("common")).parse(LINES), stored)
    ((_, block),) = write_block([parsed], 0, run)
    summaries = [
        SourceSummary.of(stored.uri, [SourceFound(42, len(LINES), "common"), block, SourceWarning(WARNING)]),
        SourceSummary.of("gs://logs/2015-05-18/empty.log", [SourceFound(43, 0, None)]),
        SourceSummary.of(
            "gs://logs/2015-05-18/x.gz",
            [SourceFailed(44, 60, "truncated_gzip", "the gzip stream ends too early; upload it again")],
        ),
    ]
    list(transforms._WriteManifest(run, raise_on_errors=False).process(("run", summaries)))
    return (folder / "manifest.json").read_text(encoding="utf-8").replace(str(folder), OUTPUT)


def replay_manifest() -> str:
    run = RunInfo("manual__1", "logline-replay-1", None, "p.logline_staging.lines", OUTPUT, "1", STARTED)
    parts = [
        PartReplayed(3, 1, {"not_matching_format": 1}, {"2015-05-17": 1}, f"{OUTPUT}/rows/000-000000.parquet"),
        PartReplayed(1, 0, {"unknown_format": 1}, {}, None),
    ]
    return to_json(replay.manifest_of(run, parts, FINISHED)).decode()


def check(name: str, written: str) -> None:
    path = CONTRACTS / name
    if os.environ.get("UPDATE_CONTRACTS"):
        path.write_text(written, encoding="utf-8")
    assert written == path.read_text(encoding="utf-8"), "UPDATE_CONTRACTS=1 writes it again; see tests/contracts"


def test_the_backfills_manifest_is_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check("manifest.json", backfill_manifest(tmp_path, monkeypatch))


def test_the_replays_manifest_is_the_sample() -> None:
    check("replay_manifest.json", replay_manifest())


@pytest.mark.parametrize(("name", "kind"), [("manifest.json", Manifest), ("replay_manifest.json", ReplayManifest)])
def test_a_sample_has_the_fields_of_its_type_and_no_others(name: str, kind: Any) -> None:
    sample = json.loads((CONTRACTS / name).read_text(encoding="utf-8"))
    assert sample["version"] == MANIFEST_VERSION
    assert_typed(sample, kind)


def assert_typed(value: Any, kind: Any) -> None:
    origin = getattr(kind, "__origin__", None)
    if kind in vars(contract).values() and isinstance(kind, type) and hasattr(kind, "__total__"):
        hints = get_type_hints(kind)
        assert value.keys() == hints.keys()
        for field, hint in hints.items():
            assert_typed(value[field], hint)
    elif origin is list:
        assert value, "a sample shows at least one entry"
        for item in value:
            assert_typed(item, kind.__args__[0])
    elif origin is dict:
        assert all(type(key) is str and type(count) is int for key, count in value.items())
    else:
        kinds = getattr(kind, "__args__", (kind,))
        assert value in kinds or type(value) in kinds
