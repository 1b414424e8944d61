"""Files that somebody made to do harm: bombs, endless lines, thousands of objects, names with every legal character.

Jobs and commands run as processes of their own, whose peak memory the kernel tells.
"""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from isal import igzip

from local_stack.config import REPOSITORY
from local_stack.running import RunningStack
from tests.backfill_tasks import run_backfill

MB = 1 << 20
MOST_MEMORY = 1 << 30
"""Of one process of a job or of `logline parse`, whatever the files: docs/scale.md says so."""
MOST_DISK = 64
"""Bytes that a job writes for a line which is like the one before."""
GOOD_LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"\n'
LONGEST = 2048 * MB
# Between the tests and the process: of a child the kernel also tells how large its parent was when it was made.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as peak:
    peak.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


class Ended(NamedTuple):
    """What became of a process; `peak` is in bytes."""

    code: int
    output: str
    errors: str
    peak: int


class Backfilled(NamedTuple):
    """What a job has left, and how many bytes it has written."""

    manifest: dict[str, Any]
    rows: pa.Table
    rejected: pa.Table
    written: int


def run(folder: Path, module: str, *arguments: str | Path) -> Ended:
    output, errors, peak = folder / "stdout", folder / "stderr", folder / "peak"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        command = [sys.executable, "-c", MEASURE, peak, sys.executable, "-m", module, *arguments]
        ended = subprocess.run(command, cwd=REPOSITORY, stdout=stdout, stderr=stderr, check=False)
    return Ended(ended.returncode, output.read_text(), errors.read_text(), int(peak.read_text()) * 1024)


def backfill(folder: Path, source: str | Path, *options: str) -> Backfilled:
    """Run the job; its peak memory is bounded."""
    into = folder / "out"
    ended = run(folder, "beam_jobs.backfill", f"--source={source}", f"--output={into}", "--run_id=hostile", *options)
    assert ended.code == 0, ended.errors
    assert "Traceback" not in ended.errors
    assert ended.peak < MOST_MEMORY
    manifest = json.loads((into / "manifest.json").read_text())
    rows, rejected = (pa.concat_tables(map(pq.read_table, manifest["files"][kind])) for kind in ("rows", "rejected"))
    totals = manifest["totals"]
    assert totals["lines"] == totals["rows"] + totals["rejected"] + totals["blank"]
    assert (rows.num_rows, rejected.num_rows) == (totals["rows"], totals["rejected"])
    written = sum(path.stat().st_size for path in into.rglob("*") if path.is_file())
    return Backfilled(manifest, rows, rejected, written)


def write_gzip(path: Path, pieces: Iterable[bytes]) -> None:
    with igzip.open(path, "wb", compresslevel=1) as file:
        for piece in pieces:
            file.write(piece)


def write_sparse(path: Path) -> None:
    """Write a good line, a line of 2 GB, of which the disk holds nothing, and another good line."""
    with path.open("wb") as file:
        file.write(GOOD_LINE)
        file.seek(LONGEST, os.SEEK_CUR)
        file.write(b"\n" + GOOD_LINE)


@pytest.mark.parametrize("is_compressed", [False, True], ids=["plain", "gzip"])
def test_a_line_of_2_gb_is_rejected_and_the_lines_beside_it_are_read(tmp_path: Path, is_compressed: bool) -> None:
    log = tmp_path / "access.log"
    if is_compressed:
        write_gzip(log, (GOOD_LINE, *([bytes(MB)] * (LONGEST // MB)), b"\n", GOOD_LINE))
        assert log.stat().st_size < 16 * MB
    else:
        write_sparse(log)
    done = backfill(tmp_path, log)
    assert done.manifest["sources"][0]["rejected_by_reason"] == {"line_too_long": 1}
    assert done.rows["source_offset"].to_pylist() == [0, len(GOOD_LINE) + LONGEST + 1]
    assert done.written < 16 * MB
    said = run(tmp_path, "beam_jobs.access_log", log, "--output", "json")
    assert said.code == 0, said.errors
    assert said.peak < MOST_MEMORY
    rows = [json.loads(line) for line in said.output.splitlines()]
    assert [line.get("rejected") for line in rows] == [None, "line_too_long", None]


def test_a_bomb_without_a_line_is_set_aside_and_named(tmp_path: Path) -> None:
    write_gzip(tmp_path / "bomb.log", [bytes(MB)] * 2048)
    (tmp_path / "good.log").write_bytes(GOOD_LINE)
    done = backfill(tmp_path, tmp_path / "*.log")
    (error,) = done.manifest["errors"]
    assert (error["source_uri"], error["error_type"]) == (f"{tmp_path}/bomb.log", "unknown_format")
    assert done.manifest["totals"]["lines"] == 1


@pytest.mark.parametrize(
    ("unit", "times", "kind"),
    [(GOOD_LINE, 1_000_000, "rows"), (b"\n", 32_000_000, "blank"), (b"x\n", 1_000_000, "rejected")],
    ids=["lines", "blank lines", "rejected lines"],
)
def test_each_line_of_a_bomb_is_accounted_for(tmp_path: Path, unit: bytes, times: int, kind: str) -> None:
    log = tmp_path / "bomb.log"
    write_gzip(log, (GOOD_LINE * 2000, *([unit * (times // 1000)] * 1000)))
    inflated = len(GOOD_LINE) * 2000 + len(unit) * times
    assert log.stat().st_size < inflated / 100
    done = backfill(tmp_path, log)
    totals = done.manifest["totals"]
    assert (totals["lines"], totals[kind]) == (2000 + times, times + 2000 * (kind == "rows"))
    assert done.written < MB + MOST_DISK * (totals["rows"] + totals["rejected"])


def test_a_gzip_of_many_members_is_read_up_to_where_it_ends(tmp_path: Path) -> None:
    whole = b"".join(gzip.compress(GOOD_LINE.replace(b"/a", b"/%d" % number)) for number in range(20_000))
    empty = gzip.compress(b"") * 200_000
    for name, content in (
        ("members.log", whole),
        ("empty.log", gzip.compress(GOOD_LINE) + empty + gzip.compress(GOOD_LINE)),
        ("padded.log", whole + bytes(MB)),
        ("rubbish.log", whole + b"rubbish" * MB),
        ("truncated.log", whole[:-9]),
    ):
        (tmp_path / name).write_bytes(content)
    done = backfill(tmp_path, tmp_path / "*.log")
    rows = {Path(source["source_uri"]).name: source["rows"] for source in done.manifest["sources"]}
    assert {name: rows[name] for name in ("members.log", "empty.log", "padded.log", "rubbish.log")} == {
        "members.log": 20_000,
        "empty.log": 2,
        "padded.log": 20_000,
        "rubbish.log": 20_000,
    }
    warnings = [source["warning"] for source in done.manifest["sources"] if source["warning"]]
    assert warnings == [f"{7 * MB:,} bytes behind the gzip stream are left out: they are not gzip"]
    (error,) = done.manifest["errors"]
    assert (Path(error["source_uri"]).name, error["error_type"]) == ("truncated.log", "truncated_gzip")
    assert not pc.any(pc.ends_with(done.rows["source_uri"].cast(pa.string()), "truncated.log")).as_py()


def test_5000_tiny_objects_are_one_run(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(5000):
        content = GOOD_LINE.replace(b"/a", b"/%d" % number) + b"spoilt\n" * (number % 2)
        (logs / f"{number}.log").write_bytes(gzip.compress(content) if number % 3 else content)
    done = backfill(tmp_path, logs / "*.log")
    assert len(done.manifest["sources"]) == 5000
    assert sorted(done.rows["path"].to_pylist()) == sorted(f"/{number}" for number in range(5000))
    assert done.manifest["totals"]["rejected"] == 2500
    assert len(done.manifest["files"]["rows"]) < 20


# Whatever Cloud Storage takes in a name: https://cloud.google.com/storage/docs/objects#naming
NAMES = (
    "plain",
    "two words",
    " spaces at both ends ",
    "#fragment",
    "what?query=1&more",
    "100%",
    "%2e%2e%2f",
    "+plus+",
    "'single' \"double\" `back`",
    "back\\slash",
    "semi;colon,comma:colon",
    "[brackets]",
    "*stars**",
    "{date}",
    "$HOME$(id)",
    "<b>&amp;",
    "-rf",
    "~",
    "...",
    "tab\tbell\x07",
    "日本語-é-e\u0301-😀",
    "\u202egpj.exe",
    "a//b",
    "a/../../b",
    "a/./b",
    "log_date=2020-01-01",
    "n" * 180,
)
# As in a shell, a pattern leaves out local files that begin with a dot.
_LOCAL_NAMES = (*(name.replace("/", "_").replace("...", "x..") for name in NAMES), "new\nline", "carriage\rreturn")


def test_local_files_of_any_name_are_read_under_it(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number, name in enumerate(_LOCAL_NAMES):
        (logs / f"{name}.log").write_bytes(GOOD_LINE.replace(b"/a", b"/%d" % number))
    done = backfill(tmp_path, logs / "*.log")
    found = dict(zip(done.rows["source_uri"].to_pylist(), done.rows["path"].to_pylist(), strict=True))
    assert found == {f"{logs}/{name}.log": f"/{number}" for number, name in enumerate(_LOCAL_NAMES)}


@pytest.mark.integration
def test_objects_of_any_name_land_under_it(emulators: RunningStack) -> None:
    day = "2015-05-17"
    folder = f"hostile/{day}"
    with emulators.storage() as storage:
        bucket = storage.bucket(emulators.bucket)
        if not bucket.exists():
            bucket.create()
        for number, name in enumerate(NAMES):
            content = GOOD_LINE.replace(b"/a", b"/%d" % number)
            bucket.blob(f"{folder}/{name}.log").upload_from_string(content)
    source = f"gs://{emulators.bucket}/hostile/{{date}}/**.log"
    run_backfill(emulators, {"start_date": day, "end_date": day, "source": source})
    prefix = f"gs://{emulators.bucket}/{folder}/"
    with emulators.bigquery() as client:
        landed = client.query_and_wait(
            f"SELECT source_uri, path FROM {emulators.dataset}.backfilled_requests"
            f" WHERE log_date = '{day}' AND STARTS_WITH(source_uri, '{prefix}')"
        )
        found = sorted((row.source_uri, row.path) for row in landed)
        ledger = client.query_and_wait(
            f"SELECT source_uri, `rows` FROM {emulators.dataset}.ledger WHERE STARTS_WITH(source_uri, '{prefix}')"
        )
        read = {row.source_uri: row.rows for row in ledger}
    assert found == sorted((f"{prefix}{name}.log", f"/{number}") for number, name in enumerate(NAMES))
    assert read == {f"{prefix}{name}.log": 1 for name in NAMES}
