"""Anonymising from the command line to what the backfill writes."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from beam_jobs.backfill import job as backfill
from beam_jobs.options.anonymisation import AnonymisingSettings, make_anonymiser, make_parser
from beam_jobs.options.parameters import OptionError
from beam_jobs.stream.messages import Message, parse_messages

LINE = '203.0.113.77 - - [17/May/2015:10:05:03 +0000] "GET /a?token=s3cr3t HTTP/1.1" {} 5 "-" "-"\n'
OFF = {"anonymise": "none", "anonymise_key_file": "", "redact_query_secrets": "false"}


def test_it_is_off_unless_asked_for() -> None:
    assert AnonymisingSettings.of(OFF) == AnonymisingSettings()
    assert make_anonymiser(AnonymisingSettings()) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"anonymise": "hash"}, "--anonymise=hash needs --anonymise_key_file"),
        ({"anonymise": "truncate", "anonymise_key_file": "/key"}, "for --anonymise=hash only, not for truncate"),
    ],
)
def test_a_key_file_goes_with_hashes_and_with_nothing_else(values: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        AnonymisingSettings.of(OFF | values)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read: No such file"), (b"short", "at least 16 characters"), (b"\xff" * 20, "it is not text")],
)
def test_a_key_that_cannot_be_used_is_one_line_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    arguments = ["--anonymise=hash", f"--anonymise_key_file={tmp_path}/key", f"--source={tmp_path}/key", "--run_id=r"]
    assert backfill.main([*arguments, f"--output={tmp_path}/out"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert message in said
    assert not (tmp_path / "out").exists()


def test_nothing_that_the_backfill_writes_holds_what_is_taken_out(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-key-that-is-long-enough\n")
    (tmp_path / "access.log").write_text(LINE.format(200) * 3 + LINE.format("099"))
    arguments = ["--anonymise=hash", f"--anonymise_key_file={tmp_path}/key", "--redact_query_secrets=true"]
    assert backfill.main([*arguments, f"--source={tmp_path}/access.log", f"--output={tmp_path}/out", "--run_id=r"]) == 0
    (rows,) = (tmp_path / "out" / "rows").rglob("*.parquet")
    (rejected,) = (tmp_path / "out" / "rejected").rglob("*.parquet")
    kept = repr(pq.read_table(rows).to_pylist()) + repr(pq.read_table(rejected).to_pylist())
    assert "203.0.113.77" not in kept
    assert "s3cr3t" not in kept
    hashes = {row["raw_line_hash"] for row in pq.read_table(rows).to_pylist()}
    # The stream, told the same, gives the same line the same hash.
    settings = AnonymisingSettings("hash", f"{tmp_path}/key", redact_query_secrets=True)
    parser = make_parser("combined", 1 << 20, make_anonymiser(settings))
    that_day = datetime(2015, 5, 17, tzinfo=UTC)  # the stream takes no lines of eleven years ago
    streamed = parse_messages([Message(LINE.format(200).encode(), "1")], parser, "s", that_day)
    assert set(streamed.rows.column("raw_line_hash").to_pylist()) == hashes
