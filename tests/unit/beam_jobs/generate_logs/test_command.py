"""The generator: what it says of its lines is what awk, so to speak, finds in them."""

import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.generate_logs.command import main

# Independent of the parser: whole lines by one strict expression per format.
_COMMON = (
    r"(?P<addr>[\d.]+) - \S+ \[(?P<day>\d\d/[A-Z][a-z]{2}/\d{4}):(?P<hour>[01]\d|2[0-3]):\d\d:\d\d ?(\+0000)?\]"
    r' "(?P<method>[A-Z]+) (?P<path>[^ ?"]+)(\?[^ "]*)? HTTP/[\d.]+" '
)
LINE = {
    "article": re.compile(_COMMON + r'\[(?P<status>[1-5]\d\d)\] (?P<size>\d{1,18}) "[^"]*" "[^"]*"'),
    "common": re.compile(_COMMON + r"(?P<status>[1-5]\d\d) (?P<size>-|\d{1,18})"),
    "combined": re.compile(_COMMON + r'(?P<status>[1-5]\d\d) (?P<size>-|\d{1,18}) "[^"]*" "[^"]*"'),
}
LOGGED_DAY = {"2026-11-01": "01/Nov/2026", "2026-11-02": "02/Nov/2026"}


def generate(folder: Path, *options: str) -> dict[str, Any]:
    assert main([f"--output={folder}", "--start_date=2026-11-01", *options]) == 0
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return truth


def lines_of(folder: Path, day: str) -> list[bytes]:
    found = []
    for path in sorted((folder / day).iterdir()):
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert content.endswith(b"\n")
        found.extend(content[:-1].split(b"\n"))
    return found


def count(lines: list[bytes], log_format: str, day: str) -> dict[str, Any]:
    rows = [
        match
        for line in lines
        if (match := LINE[log_format].fullmatch(line.decode("latin-1"))) and match["day"] == LOGGED_DAY[day]
    ]
    blank = sum(not line.strip() for line in lines)
    hours = Counter(int(row["hour"]) for row in rows)
    paths = Counter(row["path"] for row in rows)
    top = sorted(paths.items(), key=lambda entry: (-entry[1], entry[0]))[:20]
    return {
        "lines": len(lines),
        "rows": len(rows),
        "blank": blank,
        "rejected": len(lines) - len(rows) - blank,
        "body_bytes_sent": sum(int(row["size"]) for row in rows if row["size"] != "-"),
        "unique_remote_addr": len({row["addr"] for row in rows}),
        "statuses": dict(sorted(Counter(row["status"] for row in rows).items())),
        "methods": dict(sorted(Counter(row["method"] for row in rows).items())),
        "hours": [hours[hour] for hour in range(24)],
        "paths": len(paths),
        "top_paths": [{"path": path, "requests": requests} for path, requests in top],
    }


@pytest.mark.parametrize("log_format", ["article", "common", "combined"])
def test_the_truth_is_what_an_independent_count_finds(tmp_path: Path, log_format: str) -> None:
    options = ["--days=2", "--lines_per_day=20000", "--bad_share=0.03", "--files_per_day=3", f"--format={log_format}"]
    truth = generate(tmp_path, *options)
    for day, said in truth["days"].items():
        lines = lines_of(tmp_path, day)
        found = count(lines, log_format, day)
        assert {name: said[name] for name in found} == found
        assert said["rejected"] == 600 == sum(said["rejected_by_reason"].values())
        assert said["blank"] == 10
        assert len(set(lines)) < len(lines) - said["blank"], "some hits are repeated"
        assert said["bytes"] == sum(path.stat().st_size for path in (tmp_path / day).iterdir())
        assert [file["name"] for file in said["files"]] == [f"{day}/access-{number:04d}.log" for number in (1, 2, 3)]
    for name in ("lines", "rows", "rejected", "blank", "bytes", "body_bytes_sent"):
        assert truth["totals"][name] == sum(day[name] for day in truth["days"].values())


@pytest.mark.parametrize("log_format", ["article", "common", "combined"])
def test_bad_lines_are_rejected_for_the_reason_that_is_said(tmp_path: Path, log_format: str) -> None:
    truth = generate(tmp_path, "--lines_per_day=3000", "--bad_share=0.5", f"--format={log_format}")
    content = b"\n".join(lines_of(tmp_path, "2026-11-01")) + b"\n"
    parsed = BlockParser(get_format(log_format)).parse(content)
    reasons = Counter(parsed.rejected.column("error_type").to_pylist())
    assert dict(sorted(reasons.items())) == truth["totals"]["rejected_by_reason"]
    assert set(reasons) == {"not_matching_format", "bad_timestamp", "bad_status", "bad_size"}


def test_lines_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    generate(tmp_path, "--lines_per_day=5000", "--bad_share=0")
    times = [line.split(b"[")[1][:20] for line in lines_of(tmp_path, "2026-11-01") if line.strip()]
    assert times == sorted(times)


def test_the_same_options_give_the_same_bytes_in_any_zone_and_process(tmp_path: Path) -> None:
    options = ["--start_date=2026-11-01", "--lines_per_day=2000", "--gzip", "--seed=7", "--format=combined"]
    for zone in ("Pacific/Auckland", "America/Lima"):
        subprocess.run(
            [sys.executable, "-m", "beam_jobs.generate_logs", f"--output={tmp_path / zone}", *options],
            env={"TZ": zone, "PYTHONHASHSEED": str(len(zone))},
            cwd=Path(__file__).parents[4],
            check=True,
        )
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / zone).rglob("*.*")}
        for zone in ("Pacific/Auckland", "America/Lima")
    )
    assert first == second
    assert sorted(first) == ["access-0001.log.gz", "truth.json"]


def test_the_truth_may_be_elsewhere(tmp_path: Path) -> None:
    options = ["--start_date=2026-11-01", "--lines_per_day=10", f"--truth={tmp_path / 'counts.json'}"]
    assert main([f"--output={tmp_path / 'logs'}", *options]) == 0
    assert json.loads((tmp_path / "counts.json").read_text())["totals"]["lines"] == 10
    assert not (tmp_path / "logs" / "truth.json").exists()


def test_a_day_does_not_depend_on_the_days_beside_it(tmp_path: Path) -> None:
    generate(tmp_path / "two", "--days=2", "--lines_per_day=1000")
    assert main([f"--output={tmp_path / 'one'}", "--start_date=2026-11-02", "--lines_per_day=1000"]) == 0
    assert lines_of(tmp_path / "two", "2026-11-02") == lines_of(tmp_path / "one", "2026-11-02")
    generate(tmp_path / "other", "--lines_per_day=1000", "--seed=2")
    assert lines_of(tmp_path / "two", "2026-11-01") != lines_of(tmp_path / "other", "2026-11-01")


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_days_of_a_few_lines(tmp_path: Path, lines: int) -> None:
    truth = generate(tmp_path, f"--lines_per_day={lines}", "--files_per_day=2", "--bad_share=1")
    assert truth["totals"]["rejected"] == lines


def test_a_truth_that_cannot_be_written_is_said_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [f"--output={tmp_path / 'logs'}", "--start_date=2026-11-01", f"--truth={tmp_path}"]
    assert main(arguments) == 1
    assert capsys.readouterr().err == f"{tmp_path}: cannot be written: Is a directory\n"
    assert not (tmp_path / "logs").exists()
    assert main(["--publish", "--topic=projects/p/topics/t", f"--truth={tmp_path}"]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: cannot be written: Is a directory\n"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--start_date=yesterday", "not a date"),
        ("--start_date=2026-02-30", "not a date"),
        ("--start_date=2200-01-01", "--start_date and --days: days from 1970-01-01 to 2199-12-31 can be drawn"),
        ("--start_date=1969-12-31", "--start_date and --days: days from 1970-01-01 to 2199-12-31 can be drawn"),
        ("--days=99999999999", "--start_date and --days: days from 1970-01-01 to 2199-12-31 can be drawn"),
        ("--output=gs://", "argument --output: 'gs://' is neither on Cloud Storage nor a path: write gs://bucket/name"),
        ("--truth=s3://b/t.json", "argument --truth: 's3://b/t.json' is neither on Cloud Storage nor a path"),
        ("--days=0", "not a whole number above 0"),
        ("--lines_per_day=-1", "not a whole number"),
        ("--bad_share=2", "not a number from 0 to 1"),
        ("--format=iis", "invalid choice"),
        ("--nonsense", "unrecognized"),
    ],
)
def test_a_wrong_option_is_said_in_one_line(
    tmp_path: Path, option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--output={tmp_path / 'logs'}", "--start_date=2026-11-01", option]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("days", "lines", "said"),
    [(1, 1, "wrote 1 line (0.0 MB) of 1 day to "), (2, 1200, "wrote 2,400 lines (0.6 MB) of 2 days to ")],
)
def test_nouns_agree_with_their_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], days: int, lines: int, said: str
) -> None:
    generate(tmp_path, f"--days={days}", f"--lines_per_day={lines}", "--bad_share=0")
    assert capsys.readouterr().out.startswith(said)
