"""The backfill with its real runner, over local files and over the Cloud Storage emulator."""

import bz2
import gzip
import json
import lzma
import random
import subprocess
import sys
import tarfile
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import mmh3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from google.cloud.storage import Bucket

from beam_jobs.backfill import job as backfill
from beam_jobs.backfill import progress
from beam_jobs.generate_logs import command as generate_logs
from beam_jobs.output.counters import Counter as JobCounter
from beam_jobs.output.identity import BACKFILLED_SCHEMA, REJECTED_SCHEMA
from local_stack.running import RunningStack

REPOSITORY = Path(__file__).parents[2]
GOOD_LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"\n'


def run(source: object, output: object, *options: str) -> dict[str, Any]:
    """Run the job and return its manifest."""
    assert backfill.main([f"--source={source}", f"--output={output}", "--run_id=test", *options]) == 0
    manifest: dict[str, Any] = json.loads(Path(f"{output}/manifest.json").read_text())
    return manifest


def table(names: list[str]) -> pa.Table:
    return pa.concat_tables(pq.read_table(name) for name in names)


def counts(column: pa.ChunkedArray) -> dict[str, int]:
    return dict(sorted(Counter(str(value) for value in column.to_pylist()).items()))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of the article's lines, the first one plain and the second one as two gzip files."""
    folder = tmp_path_factory.mktemp("generated")
    common = ["--lines_per_day=4000", f"--output={folder}"]
    assert generate_logs.main(["--start_date=2026-11-01", *common]) == 0
    first = json.loads((folder / "truth.json").read_text())
    assert generate_logs.main(["--start_date=2026-11-02", "--gzip", "--files_per_day=2", *common]) == 0
    second = json.loads((folder / "truth.json").read_text())
    (folder / "truth.json").write_text(json.dumps(first["days"] | second["days"]))
    return folder


def test_every_number_is_the_generators_truth(generated: Path, tmp_path: Path) -> None:
    manifest = run(f"{generated}/2026-11-0?/*", tmp_path, "--block_bytes=100000")
    truth = json.loads((generated / "truth.json").read_text())
    rows, rejected = table(manifest["files"]["rows"]), table(manifest["files"]["rejected"])
    assert len(manifest["files"]["rows"]) > len(manifest["sources"]), "some objects have several blocks"
    for name in ("lines", "rows", "rejected", "blank", "bytes"):
        assert manifest["totals"][name] == sum(day[name] for day in truth.values())
    assert (rows.num_rows, rejected.num_rows) == (manifest["totals"]["rows"], manifest["totals"]["rejected"])
    assert counts(rows["log_date"]) == {day: said["rows"] for day, said in truth.items()}
    for day, said in truth.items():
        of_day = rows.filter(pc.equal(pc.cast(rows["log_date"], pa.string()), day))
        assert counts(of_day["status"]) == said["statuses"]
        assert counts(of_day["method"]) == said["methods"]
        assert pc.sum(of_day["body_bytes_sent"]).as_py() == said["body_bytes_sent"]
        assert pc.count_distinct(of_day["remote_addr"]).as_py() == said["unique_remote_addr"]
        hours = Counter(moment.hour for moment in of_day["timestamp"].to_pylist())
        assert [hours[hour] for hour in range(24)] == said["hours"]
        paths = counts(of_day["path"])
        assert {top["path"]: top["requests"] for top in said["top_paths"]}.items() <= paths.items()
        sources = [source for source in manifest["sources"] if f"/{day}/" in source["source_uri"]]
        reasons = sum((Counter(source["rejected_by_reason"]) for source in sources), Counter())
        assert dict(sorted(reasons.items())) == said["rejected_by_reason"]
    ledger, ledger_days = table(manifest["files"]["ledger"]), table(manifest["files"]["ledger_days"])
    assert pc.sum(ledger["rows"]).as_py() == pc.sum(ledger_days["rows"]).as_py() == rows.num_rows


def test_identities_lead_back_to_the_lines(generated: Path, tmp_path: Path) -> None:
    manifest = run(f"{generated}/2026-11-0?/*", tmp_path, "--block_bytes=100000")
    contents = {str(path): path.read_bytes() for path in generated.glob("*/access-*")}
    contents = {uri: gzip.decompress(data) if uri.endswith(".gz") else data for uri, data in contents.items()}
    rows, rejected = table(manifest["files"]["rows"]), table(manifest["files"]["rejected"])
    for row in rows.select(["source_uri", "source_offset", "raw_line_hash"]).to_pylist():
        data, start = contents[row["source_uri"]], row["source_offset"]
        assert row["raw_line_hash"] == mmh3.hash_bytes(data[start : data.index(b"\n", start)])
    for row in rejected.select(["source_uri", "source_offset", "raw_line"]).to_pylist():
        data, start = contents[row["source_uri"]], row["source_offset"]
        assert row["raw_line"] == data[start : data.index(b"\n", start)]
    ids = pa.concat_arrays([*rows["event_id"].chunks, *rejected["event_id"].chunks])
    assert pc.count_distinct(ids).as_py() == len(ids)


def test_any_block_size_and_any_run_give_the_same_rows(generated: Path, tmp_path: Path) -> None:
    found = []
    for number, block_bytes in enumerate((50_000, 50_000, 1 << 24)):
        manifest = run(f"{generated}/2026-11-01/*", tmp_path / str(number), f"--block_bytes={block_bytes}")
        found.append(table(manifest["files"]["rows"]).drop_columns(["ingested_at", "reading"]).sort_by("event_id"))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_a_run_again_replaces_its_own_files(generated: Path, tmp_path: Path) -> None:
    first = run(f"{generated}/2026-11-01/*", tmp_path)
    second = run(f"{generated}/2026-11-01/*", tmp_path)
    assert first["files"] == second["files"]
    present = sorted(str(path) for path in tmp_path.rglob("*.parquet"))
    assert present == sorted(name for names in second["files"].values() for name in names)


def test_real_logs(real_logs: Path, tmp_path: Path) -> None:
    manifest = run(real_logs / "semicomplete-2015-05.access.log", tmp_path, "--block_bytes=300000")
    (source,) = manifest["sources"]
    assert source["log_format"] == "combined"
    assert (source["lines"], source["rows"], source["rejected"], source["blank"]) == (10_000, 9_999, 1, 0)
    assert source["rows_by_date"] == {"2015-05-17": 1632, "2015-05-18": 2893, "2015-05-19": 2896, "2015-05-20": 2578}
    rows = table(manifest["files"]["rows"])
    statuses = Counter(rows["status"].to_pylist())
    assert statuses[404] == 213
    assert rows["body_bytes_sent"].null_count == 669
    assert sum(times > 1 for times in Counter(rows["raw_line_hash"].to_pylist()).values()) == 17
    (rejected,) = table(manifest["files"]["rejected"]).to_pylist()
    assert rejected["error_type"] == "not_matching_format"
    assert b"20/May/2015:12:05:17" in rejected["raw_line"]


def test_lines_are_routed_by_their_own_date(tmp_path: Path) -> None:
    (tmp_path / "access-2026-01-01.log").write_bytes(GOOD_LINE + GOOD_LINE.replace(b"17/May", b"18/May"))
    manifest = run(tmp_path / "*.log", tmp_path / "out")
    assert manifest["sources"][0]["rows_by_date"] == {"2015-05-17": 1, "2015-05-18": 1}
    assert len(manifest["files"]["rows"]) == 1
    assert counts(table(manifest["files"]["rows"])["log_date"]) == {"2015-05-17": 1, "2015-05-18": 1}


def test_frames_and_the_mix_of_formats_are_counted(tmp_path: Path) -> None:
    combined = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8.5.0"\n'
    common = combined.removesuffix(b' "-" "curl/8.5.0"\n') + b"\n"
    framed = b"2026-03-07T09:15:01.5Z stdout F " + common
    (tmp_path / "mixed.log").write_bytes(common + framed * 2 + combined * 3)
    (tmp_path / "plain.log").write_bytes(common)
    manifest = run(tmp_path / "*.log", tmp_path / "out")
    mixed, plain = manifest["sources"]
    assert (mixed["log_format"], mixed["rows"]) == ("combined+common", 6)
    assert (mixed["frames"], mixed["formats"]) == ({"CRI": 2}, {"combined": 3, "common": 3})
    assert (plain["frames"], plain["formats"]) == ({}, {})
    assert [row["frames"] for row in table(manifest["files"]["ledger"]).to_pylist()] == ['{"CRI": 2}', None]


def test_an_empty_file_is_a_source_without_lines(tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    manifest = run(tmp_path / "empty.log", tmp_path / "out")
    (source,) = manifest["sources"]
    assert (source["lines"], source["log_format"]) == (0, None)
    assert manifest["files"]["rows"] == [f"{tmp_path}/out/rows/empty.parquet"]
    assert manifest["files"]["rejected"] == [f"{tmp_path}/out/rejected/empty.parquet"]
    for kind, schema in (("rows", BACKFILLED_SCHEMA), ("rejected", REJECTED_SCHEMA)):
        empty = table(manifest["files"][kind])
        assert (empty.num_rows, empty.schema.names) == (0, schema.names)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("block_bytes", ["1048576", "16777216"])
def test_a_line_of_10_mb_is_rejected_and_the_next_ones_are_read(
    tmp_path: Path, compress: bool, block_bytes: str
) -> None:
    content = GOOD_LINE + b"x" * 10_000_000 + b"\n" + GOOD_LINE
    (tmp_path / "long.log").write_bytes(gzip.compress(content, 1) if compress else content)
    manifest = run(tmp_path / "long.log", tmp_path / "out", f"--block_bytes={block_bytes}")
    assert manifest["sources"][0]["rejected_by_reason"] == {"line_too_long": 1}
    assert (manifest["totals"]["lines"], manifest["totals"]["rows"]) == (3, 2)
    (rejected,) = table(manifest["files"]["rejected"]).to_pylist()
    assert (len(rejected["raw_line"]), rejected["source_offset"]) == (1 << 20, len(GOOD_LINE))
    rows = table(manifest["files"]["rows"])
    assert sorted(rows["source_offset"].to_pylist()) == [0, len(GOOD_LINE) + 10_000_001]


def test_every_compression_gives_the_same_rows_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    content = b"".join(GOOD_LINE.replace(b"/a", b"/%d" % number) for number in range(1000))
    (tmp_path / "1.log").write_bytes(content)
    (tmp_path / "2.log").write_bytes(gzip.compress(content) + b"rubbish")
    (tmp_path / "3.log").write_bytes(bz2.compress(content))
    (tmp_path / "4.log").write_bytes(lzma.compress(content))
    with pa.CompressedOutputStream(pa.OSFile(str(tmp_path / "5.log"), "wb"), "zstd") as stream:
        stream.write(content)
    with zipfile.ZipFile(tmp_path / "6.log", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("access.log", content)
    manifest = run(tmp_path / "*.log", tmp_path / "out", "--block_bytes=10000")
    warning = "7 bytes behind the gzip stream are left out: they are not gzip"
    assert [source["warning"] for source in manifest["sources"]] == [None, warning, None, None, None, None]
    rows = table(manifest["files"]["rows"])
    found = [
        rows.filter(pc.field("source_uri") == source["source_uri"])["path"].to_pylist()
        for source in manifest["sources"]
    ]
    assert [sorted(paths) for paths in found] == [sorted(f"/{number}" for number in range(1000))] * 6


@pytest.mark.parametrize(("unreadable", "status"), [("set_aside", 0), ("stop", 1)])
def test_all_unreadable_objects_are_listed_and_nothing_of_them_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, unreadable: str, status: int
) -> None:
    whole = gzip.compress(GOOD_LINE * 100_000)
    (tmp_path / "1-good.log").write_bytes(GOOD_LINE)
    (tmp_path / "2-truncated.log.gz").write_bytes(whole[:-9])
    (tmp_path / "3-binary.log").write_bytes(bytes(range(256)) * 50)
    with tarfile.open(tmp_path / "4-logs.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "1-good.log")
    arguments = [f"--source={tmp_path}/*.*", f"--output={tmp_path}/out", "--run_id=test"]
    assert backfill.main([*arguments, f"--unreadable={unreadable}"]) == status
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [(error["source_uri"], error["error_type"]) for error in manifest["errors"]] == [
        (f"{tmp_path}/2-truncated.log.gz", "truncated_gzip"),
        (f"{tmp_path}/3-binary.log", "unknown_format"),
        (f"{tmp_path}/4-logs.tar.gz", "unsupported"),
    ]
    assert manifest["totals"]["lines"] == table(manifest["files"]["rows"]).num_rows == 1
    ledger = table(manifest["files"]["ledger"]).to_pylist()
    assert [(row["source_uri"], row["error_type"], row["lines"]) for row in ledger] == [
        (f"{tmp_path}/1-good.log", None, 1),
        *((error["source_uri"], error["error_type"], 0) for error in manifest["errors"]),
    ]
    said = capsys.readouterr().err.splitlines()[-1:] if status else caplog.messages
    (last,) = [line for line in said if "3 objects cannot be read: " in line]
    assert "ends too early" in last
    assert "not an access log" in last
    assert "is a tar archive in gzip" in last


def listed(folder: Path, pattern: str) -> Path:
    """Write the list of the files that match, as they are now."""
    lines = [
        {"uri": str(path), "generation": path.stat().st_mtime_ns, "size": path.stat().st_size}
        for path in sorted(folder.glob(pattern))
    ]
    objects = folder / "objects.jsonl"
    objects.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return objects


def test_the_listed_generations_are_read_and_no_others(tmp_path: Path) -> None:
    for name in ("gone", "read", "replaced"):
        (tmp_path / f"{name}.log").write_bytes(GOOD_LINE)
    objects = listed(tmp_path, "*.log")
    (tmp_path / "gone.log").unlink()
    (tmp_path / "replaced.log").write_bytes(GOOD_LINE * 2)
    (tmp_path / "new.log").write_bytes(GOOD_LINE)
    assert backfill.main([f"--objects={objects}", f"--output={tmp_path}/out", "--run_id=test"]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["source"] == str(objects)
    assert [source["source_uri"] for source in manifest["sources"]] == [f"{tmp_path}/read.log"]
    assert [(error["source_uri"], error["error_type"]) for error in manifest["errors"]] == [
        (f"{tmp_path}/gone.log", "changed_while_read"),
        (f"{tmp_path}/replaced.log", "changed_while_read"),
    ]
    assert "was replaced or deleted after it was listed" in manifest["errors"][0]["error_message"]
    assert (manifest["errors"][1]["size"], manifest["totals"]["rows"]) == (len(GOOD_LINE), 1)


def test_a_mistake_in_the_list_is_said_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "objects.jsonl").write_text("access.log\n")
    assert backfill.main([f"--objects={tmp_path}/objects.jsonl", f"--output={tmp_path}/out", "--run_id=test"]) == 2
    assert f"--objects={tmp_path}/objects.jsonl: line 1 is not JSON" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out" / "rows").exists()


def test_nothing_matches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert backfill.main([f"--source={tmp_path}/*.log", f"--output={tmp_path}/out", "--run_id=test"]) == 1
    message = f"{tmp_path}/*.log: no object matches; check the path, or list it with the same pattern"
    assert capsys.readouterr().err.splitlines()[-1] == message
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_run_that_cannot_write_leaves_no_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "access.log").write_bytes(GOOD_LINE)
    output = tmp_path / "out"
    output.mkdir()
    (output / "manifest.json").write_text("of an earlier run")
    (output / "rows").write_text("no folder")
    assert backfill.main([f"--source={tmp_path}/access.log", f"--output={output}", "--run_id=test"]) == 1
    assert "cannot be written" in capsys.readouterr().err.splitlines()[-1]
    assert not (output / "manifest.json").exists()


def test_the_counters_are_left_for_the_emulator(
    generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFLOW_EMULATOR_METRICS_FILE", str(tmp_path / "metrics.json"))
    monkeypatch.setenv("DATAFLOW_EMULATOR_JOB_ID", "2026-11-22_13_00_00-1")
    manifest = run(f"{generated}/2026-11-0?/*", tmp_path / "out", "--job_name=log-backfill-1")
    assert (manifest["job_id"], manifest["job_name"]) == ("2026-11-22_13_00_00-1", "log-backfill-1")
    counters = json.loads((tmp_path / "metrics.json").read_text())["counters"]
    values = {counter["name"]: counter["value"] for counter in counters}
    assert {counter["namespace"] for counter in counters} == {"logline"}
    assert {counter["step"] for counter in counters} == {"Parse blocks/Parse"}
    assert values.pop("blocks") == 1  # all three objects
    assert values == {name: manifest["totals"][name] for name in ("lines", "rows", "rejected", "blank", "bytes")}


@pytest.mark.parametrize("compress", [False, True])
def test_the_counters_move_while_the_job_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: bool) -> None:
    paths = random.Random(1)
    lines = b"".join(GOOD_LINE.replace(b"/a", b"/" + paths.randbytes(60).hex().encode()) for _ in range(80_000))
    content = gzip.compress(lines, 1) if compress else lines
    (tmp_path / "access.log").write_bytes(content)
    written: list[dict[str, int]] = []

    def write(counters: Iterable[JobCounter]) -> None:
        written.append({counter["name"]: counter["value"] for counter in counters})

    monkeypatch.setattr(progress, "write_counters", write)
    monkeypatch.setattr(progress, "_COUNTER_SECONDS", 0.0)
    manifest = run(tmp_path / "access.log", tmp_path / "out", "--block_bytes=500000")
    for name in ("bytes", "lines", "rows"):
        values = [counts[name] for counts in written]
        assert values == sorted(values)
        assert set(values) - {0, manifest["totals"][name]}
        assert values[-1] == manifest["totals"][name]


def test_many_small_objects_share_few_files(tmp_path: Path) -> None:
    for number in range(300):
        content = GOOD_LINE.replace(b"/a", b"/%d" % number) * 10 + b"spoilt\n"
        (tmp_path / f"{number:03d}.log.gz").write_bytes(gzip.compress(content))
    manifest = run(tmp_path / "*.gz", tmp_path / "out")
    assert [len(manifest["files"][kind]) for kind in ("rows", "rejected")] == [1, 1]
    assert [(source["rows"], source["rejected"]) for source in manifest["sources"]] == [(10, 1)] * 300
    rows = table(manifest["files"]["rows"])
    assert counts(rows["path"]) == {f"/{number}": 10 for number in range(300)}
    assert set(zip(rows["source_uri"].to_pylist(), rows["path"].to_pylist(), strict=True)) == {
        (f"{tmp_path}/{number:03d}.log.gz", f"/{number}") for number in range(300)
    }


@pytest.mark.parametrize(
    ("options", "status", "last_line"),
    [
        (["--source=/none/*", "--run_id=test"], 1, "/none/*: no object matches; "),
        (["--source=/none/*", "--run_id=test", "--block_bytes=1"], 2, "--block_bytes=1 cannot be used. "),
    ],
)
def test_the_command_fails_with_one_line_and_no_traceback(
    tmp_path: Path, options: list[str], status: int, last_line: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "beam_jobs.backfill", f"--output={tmp_path}", *options],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert done.stderr.splitlines()[-1].startswith(last_line)
    assert "Traceback" not in done.stderr


@pytest.mark.integration
class TestOnCloudStorage:
    """The same over `gs://`."""

    @pytest.fixture
    def bucket(self, emulator_environment: RunningStack) -> Iterator[Bucket]:
        with emulator_environment.storage() as client:
            yield client.create_bucket(f"backfill-{uuid.uuid4().hex[:8]}")

    @staticmethod
    def read(bucket: Bucket, uri: str) -> bytes:
        content: bytes = bucket.blob(uri.removeprefix(f"gs://{bucket.name}/")).download_as_bytes(raw_download=True)
        return content

    def test_objects_are_read_and_written(self, bucket: Bucket) -> None:
        folder = f"gs://{bucket.name}/some/folder"
        options = ["--start_date=2026-11-01", "--lines_per_day=3000", f"--output={folder}/logs"]
        assert generate_logs.main([*options, "--days=2"]) == 0
        truth = json.loads(self.read(bucket, f"{folder}/logs/truth.json"))
        transcoded = bucket.blob("some/folder/logs/2026-11-01/transcoded.log")
        transcoded.content_encoding = "gzip"
        transcoded.upload_from_string(gzip.compress(GOOD_LINE.replace(b"200 5", b"[200] 5").replace(b" +0000", b"")))
        arguments = [f"--source={folder}/logs/**.log", f"--output={folder}/out", "--run_id=test"]
        assert backfill.main([*arguments, "--block_bytes=200000"]) == 0
        manifest = json.loads(self.read(bucket, f"{folder}/out/manifest.json"))
        assert manifest["totals"]["lines"] == truth["totals"]["lines"] + 1
        assert manifest["totals"]["rows"] == truth["totals"]["rows"] + 1
        assert len(manifest["sources"]) == 3
        generations = {blob.name: blob.generation for blob in bucket.list_blobs()}
        for source in manifest["sources"]:
            assert source["generation"] == generations[source["source_uri"].removeprefix(f"gs://{bucket.name}/")]
        rows = pa.concat_tables(
            pq.read_table(pa.BufferReader(self.read(bucket, uri))) for uri in manifest["files"]["rows"]
        )
        assert rows.num_rows == manifest["totals"]["rows"]
        assert set(rows["source_uri"].to_pylist()) == {source["source_uri"] for source in manifest["sources"]}

    def test_compressed_objects_are_read_as_they_are_stored(
        self, bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "log").write_bytes(GOOD_LINE * 2)
        with zipfile.ZipFile(tmp_path / "zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(tmp_path / "log")
        with pa.CompressedOutputStream(pa.OSFile(str(tmp_path / "zstd"), "wb"), "zstd") as stream:
            stream.write(GOOD_LINE * 3)
        for name in ("zip", "zstd"):
            bucket.blob(f"good/{name}.log").upload_from_filename(str(tmp_path / name))
        totals = run(f"gs://{bucket.name}/good/*", tmp_path / "out")["totals"]
        assert (totals["lines"], totals["rows"]) == (5, 5)
        twice = bucket.blob("bad/access.log.gz")
        twice.content_encoding = "gzip"
        twice.upload_from_string(gzip.compress(gzip.compress(GOOD_LINE)))
        arguments = [f"--source=gs://{bucket.name}/bad/*", f"--output={tmp_path}/out", "--run_id=test"]
        assert backfill.main([*arguments, "--unreadable=stop"]) == 1
        assert (
            capsys.readouterr().err.splitlines()[-1].endswith("is compressed twice, gzip in gzip; decompress it once")
        )

    def test_listed_generations_are_read_and_no_others(self, bucket: Bucket, tmp_path: Path) -> None:
        listed = []
        for name in ("gone", "larger", "read", "replaced"):
            blob = bucket.blob(f"some/{name} [1].log")
            blob.upload_from_string(GOOD_LINE * 2)
            listed.append(
                {"uri": f"gs://{bucket.name}/{blob.name}", "generation": blob.generation, "size": len(GOOD_LINE * 2)}
            )
        listed[1]["size"] = len(GOOD_LINE)
        bucket.blob("some/gone [1].log").delete()
        bucket.blob("some/replaced [1].log").upload_from_string(GOOD_LINE * 2)
        bucket.blob("run/objects.jsonl").upload_from_string("\n".join(map(json.dumps, listed)))
        arguments = [f"--objects=gs://{bucket.name}/run/objects.jsonl", f"--output={tmp_path}", "--run_id=test"]
        assert backfill.main(arguments) == 0
        manifest = json.loads((tmp_path / "manifest.json").read_text())
        (source,) = manifest["sources"]
        assert (source["source_uri"], source["generation"]) == (listed[2]["uri"], listed[2]["generation"])
        assert [(error["source_uri"], error["error_type"]) for error in manifest["errors"]] == [
            (listed[number]["uri"], "changed_while_read") for number in (0, 1, 3)
        ]

    def test_an_object_named_in_full(self, bucket: Bucket, tmp_path: Path) -> None:
        bucket.blob("one/access.log").upload_from_string(GOOD_LINE)
        assert run(f"gs://{bucket.name}/one/access.log", tmp_path)["totals"]["rows"] == 1

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("gs://no-such-bucket/*", "no such bucket: no-such-bucket"),
            ("gs://no-such-bucket/access.log", "no such bucket: no-such-bucket"),
            ("gs://{bucket}/none/*", "no object matches"),
            ("gs://{bucket}/none.log", "no object matches"),
        ],
    )
    def test_nothing_there(
        self,
        bucket: Bucket,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        source: str,
        message: str,
    ) -> None:
        source = source.format(bucket=bucket.name)
        assert backfill.main([f"--source={source}", f"--output={tmp_path}", "--run_id=test"]) == 1
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith(source)
        assert message in last

    def test_no_bucket_to_write_to(self, bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "access.log").write_bytes(GOOD_LINE)
        arguments = [f"--source={tmp_path}/access.log", "--output=gs://no-such-bucket/out", "--run_id=test"]
        assert backfill.main(arguments) == 1
        assert "no such bucket: no-such-bucket" in capsys.readouterr().err

    def test_an_emulator_that_is_down_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
        assert backfill.main(["--source=gs://b/*", f"--output={tmp_path}", "--run_id=test"]) == 1
        assert "STORAGE_EMULATOR_HOST=http://127.0.0.1:1 does not answer" in capsys.readouterr().err.splitlines()[-1]
        assert not (tmp_path / "manifest.json").exists()
