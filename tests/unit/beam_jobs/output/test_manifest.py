"""Sums of records, and a manifest that balances."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.output.identity import reading_id
from beam_jobs.output.ledger import ledger_of
from beam_jobs.output.manifest import RunInfo, failure_line, manifest_of
from beam_jobs.output.records import BlockParsed, SourceFailed, SourceFound, SourceSummary

STARTED = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
FINISHED = datetime(2026, 11, 22, 13, 1, tzinfo=UTC)
RUN = RunInfo("run", "job", "id", "gs://b/*", "gs://b/out", "1", STARTED)


@st.composite
def blocks(draw: st.DrawFn) -> BlockParsed:
    rows = draw(st.dictionaries(st.sampled_from(["2015-05-17", "2015-05-18"]), st.integers(1, 9)))
    rejected = draw(st.dictionaries(st.sampled_from(["bad_status", "bad_size"]), st.integers(1, 9)))
    blank = draw(st.integers(0, 9))
    name = draw(st.sampled_from(["one", "two", "three"]))  # a file may hold lines of several objects
    return BlockParsed(
        lines=sum(rows.values()) + sum(rejected.values()) + blank,
        blank=blank,
        rows_by_date=rows,
        rejected_by_reason=rejected,
        rows_files=(f"rows/{name}",) if rows else (),
        rejected_files=(f"rejected/{name}",) if rejected else (),
    )


@given(st.dictionaries(st.sampled_from(["gs://b/1", "gs://b/2", "gs://b/3"]), st.lists(blocks()), min_size=1))
def test_a_manifest_sums_up_and_balances(sources: dict[str, list[BlockParsed]]) -> None:
    summaries = [SourceSummary.of(uri, [*records, SourceFound(7, 100, "common")]) for uri, records in sources.items()]
    manifest = manifest_of(RUN, summaries, FINISHED)
    every = [record for records in sources.values() for record in records]
    totals = manifest["totals"]
    assert totals["sources"] == len(sources)
    assert totals["bytes"] == 100 * len(sources)
    assert totals["lines"] == sum(record.lines for record in every)
    assert totals["lines"] == totals["rows"] + totals["rejected"] + totals["blank"]
    for source in manifest["sources"]:
        assert source["rows"] == sum(source["rows_by_date"].values())
        assert source["rejected"] == sum(source["rejected_by_reason"].values())
    assert [source["source_uri"] for source in manifest["sources"]] == sorted(sources)
    for kind in ("rows", "rejected"):
        files = {name for record in every for name in getattr(record, f"{kind}_files")}
        assert manifest["files"][kind] == sorted(files)  # type: ignore[literal-required]
    ledger, ledger_days = ledger_of(RUN, manifest)
    assert sum(ledger.column("lines").to_pylist()) == totals["lines"]
    assert sum(ledger_days.column("rows").to_pylist()) == totals["rows"]


def test_the_ledger_holds_one_row_per_source_and_one_per_day() -> None:
    block = BlockParsed(
        6, 1, {"2015-05-17": 2, "2015-05-18": 1}, {"bad_size": 2}, ("a",), ("c",), {"CRI": 5}, {"common": 1}
    )
    other = BlockParsed(2, 0, {"2015-05-17": 2}, {}, ("d",), (), {"CRI": 1, "syslog 3164": 1}, {"combined": 2})
    summary = SourceSummary.of("gs://b/1", [block, other, SourceFound(7, 100, "common")])
    ledger, ledger_days = ledger_of(RUN, manifest_of(RUN, [summary], FINISHED))
    assert ledger.to_pylist() == [
        {
            "run_id": "run",
            "source": "backfill",
            "source_uri": "gs://b/1",
            "generation": 7,
            "log_format": "common",
            "lines": 8,
            "rows": 5,
            "rejected": 2,
            "blank": 1,
            "bytes": 100,
            "job_id": "id",
            "parser_version": "1",
            "started": STARTED,
            "finished": FINISHED,
            "frames": '{"CRI": 6, "syslog 3164": 1}',
            "formats": '{"combined": 2, "common": 1}',
            "error_type": None,
            "error_message": None,
            "reading": reading_id("gs://b/1", 7, RUN),
        }
    ]
    assert [(row["log_date"], row["rows"]) for row in ledger_days.to_pylist()] == [
        (date(2015, 5, 17), 4),
        (date(2015, 5, 18), 1),
    ]


def test_a_reading_is_of_one_content_of_one_object_by_one_run() -> None:
    others = [replace(RUN, output="gs://b/other"), replace(RUN, started=FINISHED)]
    readings = [reading_id("gs://b/1", 7, RUN), reading_id("gs://b/1", 8, RUN), reading_id("gs://b/2", 7, RUN)]
    readings += [reading_id("gs://b/1", 7, run) for run in others]
    assert len(set(readings)) == len(readings)
    assert all(0 < reading < 1 << 63 for reading in readings), "what an INT64 holds"


def test_a_source_that_failed_is_an_error_and_counts_for_nothing() -> None:
    block = BlockParsed(1, 0, {"2015-05-17": 1}, {}, ("a",), ())
    failed = SourceSummary.of(
        "gs://b/1", [SourceFound(7, 100, "common"), block, SourceFailed(7, 100, "truncated_gzip", "ends too early")]
    )
    whole = SourceSummary.of("gs://b/2", [SourceFound(7, 50, "common"), block])
    manifest = manifest_of(RUN, [failed, whole], FINISHED)
    assert [source["source_uri"] for source in manifest["sources"]] == ["gs://b/2"]
    assert manifest["totals"] == {"sources": 1, "bytes": 50, "lines": 1, "rows": 1, "rejected": 0, "blank": 0}
    assert manifest["files"]["rows"] == ["a"]
    assert manifest["errors"] == [
        {
            "source_uri": "gs://b/1",
            "generation": 7,
            "size": 100,
            "error_type": "truncated_gzip",
            "error_message": "ends too early",
        }
    ]
    assert failure_line(manifest["errors"]) == "gs://b/1: ends too early"


def test_a_source_that_failed_is_in_the_ledger_with_its_error_and_without_lines() -> None:
    failed = SourceSummary.of(
        "gs://b/1", [SourceFound(7, 100, "common"), SourceFailed(7, 100, "truncated_gzip", "ends too early")]
    )
    whole = SourceSummary.of("gs://b/2", [SourceFound(8, 50, None)])
    ledger, ledger_days = ledger_of(RUN, manifest_of(RUN, [failed, whole], FINISHED))
    names = ("source_uri", "generation", "bytes", "lines", "rows", "rejected", "blank", "error_type", "error_message")
    assert [tuple(row[name] for name in names) for row in ledger.to_pylist()] == [
        ("gs://b/2", 8, 50, 0, 0, 0, 0, None, None),
        ("gs://b/1", 7, 100, 0, 0, 0, 0, "truncated_gzip", "ends too early"),
    ]
    assert {(row["run_id"], row["finished"]) for row in ledger.to_pylist()} == {("run", FINISHED)}
    assert ledger_days.num_rows == 0


def test_all_failures_are_listed_and_said_in_one_line() -> None:
    failed = [SourceSummary.of(f"gs://b/{number}", [SourceFailed(1, 2, "unreadable", "no")]) for number in range(5)]
    manifest = manifest_of(RUN, failed, FINISHED)
    assert len(manifest["errors"]) == 5
    assert (
        failure_line(manifest["errors"])
        == "5 objects cannot be read: gs://b/0: no; gs://b/1: no; gs://b/2: no; and 2 more, see manifest.json"
    )


def test_nothing_failed() -> None:
    assert failure_line(manifest_of(RUN, [], FINISHED)["errors"]) is None


def test_lines_that_do_not_add_up_are_refused() -> None:
    lost = BlockParsed(3, 0, {"2015-05-17": 2}, {}, ("a",), ())
    with pytest.raises(ValueError, match="3 lines are not 2 rows"):
        manifest_of(RUN, [SourceSummary.of("gs://b/1", [SourceFound(7, 1, "common"), lost])], FINISHED)
    with pytest.raises(ValueError, match="gs://b/1"):
        manifest_of(RUN, [SourceSummary.of("gs://b/1", [BlockParsed(0, 0, {}, {}, (), ())])], FINISHED)
