"""The demo's own parts: figures compared, tables printed."""

import pytest

from local_stack.clients.airflow import error_line
from local_stack.demo.counts import Comparison, Counts, compare
from local_stack.demo.screen import Screen
from local_stack.demo.stream_counts import StreamCounts, compare_streamed
from logline_cli.tables import counted

TRUTH = {
    "days": {
        "2026-11-01": {
            "lines": 10,
            "rows": 8,
            "rejected": 1,
            "blank": 1,
            "bytes": 1000,
            "body_bytes_sent": 500,
            "statuses": {"200": 5, "404": 2, "500": 1},
            "rejected_by_reason": {"bad_size": 1},
            "paths": 3,
            "files": [{"name": "2026-11-01/a.log", "bytes": 600}, {"name": "2026-11-01/b.log", "bytes": 400}],
        }
    }
}
FOLDER = "gs://bucket/logs"


def ledger(rows: int, rejected: int, blank: int, size: int) -> dict[str, object]:
    lines = rows + rejected + blank
    return {"log_format": "article", "lines": lines, "rows": rows, "rejected": rejected, "blank": blank, "bytes": size}


def figures(**changes: object) -> Counts:
    right = {
        "ledger": {
            f"{FOLDER}/2026-11-01/a.log": ledger(5, 1, 0, 600),
            f"{FOLDER}/2026-11-01/b.log": ledger(3, 0, 1, 400),
        },
        "rejected": {f"{FOLDER}/2026-11-01/a.log": {"bad_size": 1}},
        "summary": {"2026-11-01": {"requests": 8, "bytes": 500, "client_errors": 2, "server_errors": 1, "paths": 3}},
        "statuses": {"2026-11-01": {200: 5, 404: 2, 500: 1}},
        "mixed_days": frozenset(),
        "streamed_days": frozenset(),
    }
    return Counts(**{**right, **changes})


def test_every_figure_is_compared():
    assert compare(figures(), TRUTH, FOLDER) == Comparison(equal=15, different=[])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"rejected": {}}, "2026-11-01, bad_size: the truth is 1, the tables say 0"),
        ({"summary": {}}, "daily_summary, 2026-11-01, requests: the truth is 8, the tables say None"),
        (
            {"statuses": {"2026-11-01": {200: 5, 404: 2, 500: 1, 418: 9}}},
            "daily_statuses, 2026-11-01, 418: the truth is 0, the tables say 9",
        ),
        ({"ledger": {}}, "ledger, 2026-11-01, lines: the truth is 10, the tables say 0"),
        (
            {"ledger": {**figures().ledger, "gs://bucket/logs/other": ledger(0, 0, 0, 0)}},
            "source objects: the truth is 2, the tables say 3",
        ),
    ],
)
def test_a_wrong_figure_is_named(changes, line):
    assert line in compare(figures(**changes), TRUTH, FOLDER).different


@pytest.mark.parametrize("name", ["mixed_days", "streamed_days"])
def test_a_day_that_others_bring_lines_of_is_compared_up_to_the_ledger(name: str):
    wrong_sums = figures(summary={}, statuses={}, **{name: frozenset({"2026-11-01"})})
    assert compare(wrong_sums, TRUTH, FOLDER).different == []


def test_the_ledger_of_many_objects_is_added_up_by_folder(capsys: pytest.CaptureFixture[str]):
    many = {f"{FOLDER}/2026-11-{day:02}/{n}.log": ledger(100, 1, 2, 5000) for day in (1, 2) for n in range(10)}
    Screen().ledger(figures(ledger=many))
    printed = capsys.readouterr().out
    assert f"every line of {FOLDER}/" in printed
    assert [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "2026" in line] == [
        [f"2026-11-0{day}/ (10 objects)", "article", "1,030", "1,000", "10", "20", "50,000"] for day in (1, 2)
    ]


MARKUP = "[bold]access[/old].log :smile: [/]"


def test_names_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]):
    uri = f"{FOLDER}/{MARKUP}"
    screen = Screen()
    with screen.step(MARKUP):
        screen.working(MARKUP)
        screen.line(MARKUP)
        screen.plain(MARKUP)
    screen.ledger(figures(ledger={uri: ledger(5, 1, 0, 600), f"{FOLDER}/a.log": ledger(5, 1, 0, 600)}))
    screen.rejected(figures(rejected={uri: {MARKUP: 1}}))
    screen.days(figures(summary={MARKUP: figures().summary["2026-11-01"]}, statuses={MARKUP: {200: 1}}))
    # Step, line, plain; the tables of objects, reasons, days and statuses.
    assert capsys.readouterr().out.count(MARKUP) == 7


def test_the_spinner_shows_text_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    with screen.step(MARKUP):
        screen.working(f"working on {MARKUP}")
        assert screen._spinner is not None
    assert MARKUP in capsys.readouterr().out


def test_rejected_lines_are_printed_with_their_raw_bytes(capsys: pytest.CaptureFixture[str]):
    example = {
        "error_type": "not_matching_format",
        "error_message": "no quote",
        "source_uri": f"{FOLDER}/a.log",
        "source_offset": 1234,
        "raw_line": b"\x16\x03\x01 [bold]caf\xc3\xa9\xff",
    }
    Screen().rejected(figures(), [example])
    printed = capsys.readouterr().out
    assert f"{FOLDER}/a.log at byte 1,234" in printed
    assert "\\x16\\x03\\x01 [bold]café\\xff" in printed


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("error: no object matches\nerror: ALERT plan of r1: no object matches: see it", "no object matches"),
        (
            "info: begins\nerror: Task failed with exception\nerror: the bucket x does not exist",
            "the bucket x does not exist",
        ),
        ("info: begins\ninfo: ends", "info: ends"),
        ("", "(empty log)"),
    ],
)
def test_the_line_that_says_why_a_task_failed(log, line):
    assert error_line(log) == line


PUBLISHED = [
    {
        "events": {
            **{f"a{n}": ["row", "2026-11-22"] for n in range(3)},
            "late": ["row", "2026-11-01"],
            "bad": ["rejected", ""],
            "empty": ["blank", ""],
        }
    }
]
FROM_FILES = {"2026-11-01": 8, "2026-11-02": 7}


def stream_figures(**changes: object) -> StreamCounts:
    right = {
        "requests": {
            "2026-11-01": {"backfill": 8, "stream": 1},
            "2026-11-02": {"backfill": 7},
            "2026-11-22": {"stream": 4},
        },
        "event_ids": {"2026-11-01": ["late"], "2026-11-22": ["a0", "a1", "a2", "of-yesterday's-demo"]},
        "summary": {"2026-11-01": 9, "2026-11-02": 7, "2026-11-22": 4},
        "rejected": frozenset({"bad", "of-yesterday's-demo"}),
    }
    return StreamCounts(**{**right, **changes})


def test_streamed_figures_are_compared_beside_what_was_there_before():
    assert compare_streamed(stream_figures(), PUBLISHED, FROM_FILES) == Comparison(equal=12, different=[])


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {"event_ids": {"2026-11-01": ["late"], "2026-11-22": ["a0", "a1", "a1", "of-yesterday's-demo"]}},
            ["requests, 2026-11-22, from the stream, missing: the truth is 0, the tables say 1"],
        ),
        (
            {"event_ids": {"2026-11-01": ["late"], "2026-11-22": ["a0", "a1", "a2", "a2"]}},
            [
                "requests, 2026-11-22, from the stream: the truth is 3, the tables say 4",
                "daily_summary, 2026-11-22, requests: the truth is 3, the tables say 4",
            ],
        ),
        (
            {"rejected": frozenset({"late"})},
            ["rejected lines of the stream that are missing: the truth is 0, the tables say 1"],
        ),
        (
            {"summary": {"2026-11-01": 8, "2026-11-02": 7, "2026-11-22": 4}},
            ["daily_summary, 2026-11-01, requests: the truth is 9, the tables say 8"],
        ),
    ],
)
def test_a_wrong_streamed_figure_is_named(changes, lines):
    assert compare_streamed(stream_figures(**changes), PUBLISHED, FROM_FILES).different == lines


def test_requests_are_printed_by_source(capsys: pytest.CaptureFixture[str]):
    Screen().sources(stream_figures())
    printed = capsys.readouterr().out
    assert [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "2026" in line] == [
        ["2026-11-01", "8", "1", "9"],
        ["2026-11-02", "7", "0", "7"],
        ["2026-11-22", "0", "4", "4"],
    ]


@pytest.mark.parametrize(("number", "text"), [(0, "0 objects"), (1, "1 object"), (1_030, "1,030 objects")])
def test_a_noun_agrees_with_its_number(number: int, text: str) -> None:
    assert counted(number, "object") == text
