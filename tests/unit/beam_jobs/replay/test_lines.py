"""Rejected lines read again: the rows of the parser, with the identities of the lines, whatever the bytes are."""

import re
from datetime import UTC, datetime

import mmh3
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.access_log import PARSER_VERSION, BlockParser, get_format
from beam_jobs.output.identity import ROWS_SCHEMA
from beam_jobs.replay.lines import LineReplayer
from beam_jobs.replay.options import REPLAY_PARAMETERS, parse_replay_options
from tools.job_templates import FOLDER, templates

NOW = datetime(2026, 11, 22, tzinfo=UTC)
COMMON = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5'
COMBINED = COMMON + b' "-" "curl/8"'
LINES = st.one_of(
    st.sampled_from([COMMON, COMBINED, b"", b" ", b"broken", COMBINED + b"\r", COMMON + b"\n" + COMMON]),
    st.binary(max_size=80),
)


def batch(lines):
    """Lines as (bytes, format)."""
    numbers = range(len(lines))
    return pa.RecordBatch.from_pydict(
        {
            "raw_line": pa.array([line for line, _ in lines], pa.binary()),
            "log_format": pa.array([name for _, name in lines], pa.string()),
            "event_id": [f"id-{number}" for number in numbers],
            "source": ["stream" if number % 2 else "backfill" for number in numbers],
            "source_uri": [f"uri-{number}" for number in numbers],
            "source_offset": pa.array([None if number % 2 else 1000 + number for number in numbers], pa.int64()),
        }
    )


@given(st.lists(st.tuples(LINES, st.sampled_from(["common", "combined", "article", "unheard of", None]))))
def test_every_line_is_a_row_or_left_with_a_reason(lines):
    found = LineReplayer(NOW).replay(batch(lines))
    assert found.rows.schema.equals(ROWS_SCHEMA)
    assert found.lines == len(lines) == found.rows.num_rows + found.rejected_by_reason.total() + found.blank
    for row in found.rows.to_pylist():
        number = int(row["event_id"].removeprefix("id-"))
        line, name = lines[number]
        assert row["raw_line_hash"] == mmh3.hash_bytes(line)
        assert row["source_uri"] == f"uri-{number}"
        assert row["source_offset"] == (None if number % 2 else 1000 + number)
        assert (row["source"], row["parser_version"]) == ("stream" if number % 2 else "backfill", PARSER_VERSION)
        (alone,) = BlockParser(get_format(name)).parse(line + b"\r\n").rows.to_pylist()
        assert alone.items() - {("source_offset", 0)} <= row.items()


def test_reasons_of_what_is_left():
    lines = [(COMBINED, "combined"), (COMMON, "combined"), (b" ", "common"), (COMMON, "x"), (b"a\nb", "common")]
    found = LineReplayer(NOW).replay(batch(lines))
    assert found.rejected_by_reason == {"not_matching_format": 1, "unknown_format": 1, "several_lines": 1}
    assert (found.rows.num_rows, found.blank) == (1, 1)


def test_the_template_describes_the_command_line():
    template = FOLDER / "replay.json"
    assert template.read_text(encoding="utf-8") == templates()[template], "run make generate"


def test_every_default_matches_its_own_regex():
    for parameter in REPLAY_PARAMETERS:
        assert parameter.default is None or re.fullmatch(parameter.regex, parameter.default)


def test_what_the_dataflow_emulator_passes_is_taken():
    settings, _ = parse_replay_options(
        [
            *("--lines=logline-local.logline_staging.replay_lines_0badcafe", "--output=gs://b/staging/x/replay/"),
            *("--run_id=manual__2026-11-22T13:00:00+00:00", "--runner=FnApiRunner", "--job_name=logline-replay-1"),
            *("--project=logline-local", "--region=us-central1", "--temp_location=gs://b/tmp"),
        ]
    )
    assert (settings.job_name, settings.output) == ("logline-replay-1", "gs://b/staging/x/replay")
