"""The command line over files, gzip and standard input: what it says, writes and refuses."""

import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from beam_jobs.access_log import ROWS_SCHEMA
from beam_jobs.access_log.cli.command import main
from logline_cli import command as logline

LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "curl/8.5.0"\n'
COMMON = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5\n'
PARSER_PAGE = Path(__file__).parents[5] / "docs" / "parser.md"
REAL = "semicomplete-2015-05.access.log"


def test_a_log_is_counted_and_its_rejected_lines_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(LINE * 20 + b"\n" + LINE.replace(b"200", b"099") + b"spoilt \xff\x1b\n")
    assert main([str(log), "--parquet", str(tmp_path / "rows.parquet")]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    report, _, traffic = output.out.partition("\n\n")
    assert re.sub(r"in [0-9.]+ s", "in 0.00 s", report + "\n").replace(str(tmp_path), "") == (
        "/access.log: combined (20 of the first 22 lines)\n"
        "  lines           23\n"
        "  rows            20\n"
        "  rejected         2\n"
        "  blank            1\n"
        "  from      2015-05-17 10:05:03 UTC\n"
        "  to        2015-05-17 10:05:03 UTC\n"
        "  read      1.8 kB in 0.00 s\n"
        "  the first row\n"
        "    timestamp           2015-05-17 10:05:03 UTC\n"
        "    remote_addr         192.0.2.1\n"
        "    method              GET\n"
        "    path                /a\n"
        "    query               b\n"
        "    protocol            HTTP/1.1\n"
        "    status              200\n"
        "    body_bytes_sent     5\n"
        "    user_agent          curl/8.5.0\n"
        "    browser             curl\n"
        "    os                  Other\n"
        "    device              Other\n"
        "    is_bot              True\n"
        "    agent_kind          library\n"
        "    agent_name          curl\n"
        "  rejected as not_matching_format: 1\n"
        "    line 23: not a combined line: no ' ' ends the ident that begins at byte 7\n"
        "      spoilt \\xff\\x1b\n"
        "  rejected as bad_status: 1\n"
        "    line 22: the status '099' is not a number from 100 to 999\n"
        '      192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 099 5 "-" "curl/8.5.0"\n'
    )
    assert traffic.startswith("  requests          20\n  visitors          0\n  addresses         1\n")
    assert traffic.splitlines()[-1] == f"wrote 20 rows to {tmp_path}/rows.parquet"
    rows = pq.read_table(tmp_path / "rows.parquet")
    assert rows.num_rows == 20
    assert set(rows.column("source_uri").to_pylist()) == {str(log)}


def test_several_files_and_standard_input_are_summed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(LINE * 3) + gzip.compress(LINE))
    (tmp_path / "empty").write_bytes(b"")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(COMMON * 2)))
    monkeypatch.chdir(tmp_path)
    assert main(["a.gz", "empty", "-"]) == 0
    output = capsys.readouterr().out
    table = [line.split() for line in output.partition("\n\n")[0].splitlines()]
    assert [" ".join(line) for line in table[1:]] == [
        "a.gz 4 4 0 0 combined (100% sure)",
        "empty 0 0 0 0 no line that is not blank",
        "standard input 2 2 0 0 common (100% sure)",
        "all 6 6 0 0",
    ]


def test_a_given_format_wins_and_a_mixed_file_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mixed").write_bytes(LINE * 3 + COMMON * 2)
    assert main([str(tmp_path / "mixed"), "--html", str(tmp_path / "page.html")]) == 0
    output = capsys.readouterr()
    assert "of several formats (combined 3, common 2)" in output.err
    assert "  of these  3 rows as combined\n  of these  2 rows as common\n" in output.out
    page = (tmp_path / "page.html").read_text()
    assert "mixed: 3 rows as combined" in page
    assert "mixed: 2 rows as common" in page
    assert main([str(tmp_path / "mixed"), "--log_format=common"]) == 0
    output = capsys.readouterr()
    assert (output.err, output.out.splitlines()[0]) == ("", f"{tmp_path}/mixed: read as common")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (bytes(range(256)) * 100, "not an access log: none of the first"),
        (gzip.compress(LINE * 100)[:60], "the gzip stream ends too early"),
        (gzip.compress(LINE * 100, mtime=0)[:10] + b"\xff" * 200, "the gzip stream is damaged"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_the_others_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "bad").write_bytes(content)
    (tmp_path / "good").write_bytes(LINE)
    assert main([str(tmp_path / "bad"), str(tmp_path / "good")]) == 1
    output = capsys.readouterr()
    (said,) = output.err.splitlines()
    assert said.startswith(f"{tmp_path}/bad: ")
    assert message in said
    assert "good: combined (1 of the first 1 line)" in output.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: file"),
        (["x", "--log_format=combind"], "unknown log format 'combind'"),
        (["x", "--examples=many"], "'many' is not a number"),
        (["x", "--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_a_wrong_option_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert message in said


def test_rows_that_cannot_be_written_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good").write_bytes(LINE)
    assert main([str(tmp_path / "good"), "--parquet", str(tmp_path / "no" / "rows")]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"{tmp_path}/no/rows: cannot be written: No such file or directory"


def test_no_file_takes_the_place_of_a_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good").write_bytes(LINE)
    (tmp_path / "full").symlink_to("/dev/full")
    assert main([str(tmp_path / "good"), "--parquet", str(tmp_path / "full")]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/full: cannot be written: No space left on device\n"
    assert (tmp_path / "full").is_char_device()


@pytest.mark.parametrize("spelling", ["--log-format", "--log_format"])
@pytest.mark.parametrize(("name", "code"), [("COMBINED", 0), ("VCOMBINED", 1), ("combind", 2)])
def test_exit_codes(tmp_path: Path, spelling: str, name: str, code: int) -> None:
    (tmp_path / "log").write_bytes(LINE + b"spoilt\n")
    assert main([str(tmp_path / "log"), f"{spelling}={name}"]) == code


@pytest.mark.parametrize("mode", ["plain", "gzip", "named"])
def test_the_real_log(real_logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str) -> None:
    log = real_logs / REAL
    if mode == "gzip":
        log = tmp_path / "access.log.gz"
        log.write_bytes(gzip.compress((real_logs / REAL).read_bytes()))
    assert main([str(log), *(["--log_format=combined"] if mode == "named" else [])]) == 0
    counts = re.findall(r"^  (lines|rows|rejected|blank) +([0-9,]+)$", capsys.readouterr().out, re.MULTILINE)
    assert counts == [("lines", "10,000"), ("rows", "9,999"), ("rejected", "1"), ("blank", "0")]


def test_logline_parse_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(LINE + b"spoilt\n")
    outputs = []
    for command, leading in ((main, []), (logline.main, ["parse"])):
        assert command([*leading, str(tmp_path / "log"), "--examples=1"]) == 0
        outputs.append(re.sub(r"in [0-9.]+ s", "", capsys.readouterr().out))
    assert outputs[0] == outputs[1]
    assert logline.main(["parse", str(tmp_path / "missing")]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND; logline --help explains the options"),
        (["pars"], "invalid choice: 'pars'"),
        (["parse"], "the following arguments are required: file; logline parse --help explains the options"),
        (["parse", "x", "--log_format=combind"], "unknown log format 'combind'"),
        (["parse", "x", "--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_a_wrong_argument_of_logline_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert logline.main(arguments) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert message in said


def test_logline_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        logline.main(["--help"])
    assert exited.value.code == 0
    assert re.search(r"^ +parse +Summarise access logs", capsys.readouterr().out, re.MULTILINE)


def test_json_is_what_the_docs_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(b"\n" * 6 + LINE + LINE.replace(b"200", b"099"))
    assert main([str(tmp_path / "log"), "--output", "json"]) == 0
    printed = capsys.readouterr().out
    shown = re.search(r"```json\n(.*?)```", PARSER_PAGE.read_text(), re.DOTALL)
    assert shown is not None
    assert printed == shown[1]
    row, rejected = map(json.loads, printed.splitlines())
    assert list(row["row"]) == ROWS_SCHEMA.names
    assert (row["line"], rejected["line"], rejected["rejected"]) == (7, 8, "bad_status")


def test_a_log_without_a_row_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(LINE * 2)
    assert main([str(tmp_path / "log"), "--log-format", "VCOMBINED"]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "2 lines, each rejected as vhost_combined" in said


def test_a_page_holds_nothing_of_a_log_as_markup(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(LINE.replace(b"/a?b", b"/<script>alert(1)</script>"))
    assert main([str(tmp_path / "log"), "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")


def test_folders_and_patterns_lead_to_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("logs/a.log", "logs/old/a.log.10", "logs/old/a.log.9"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(LINE)
    assert main([str(tmp_path / "logs")]) == 0
    assert main([str(tmp_path / "logs" / "**" / "*.9")]) == 0
    assert main([str(tmp_path / "*.none")]) == 1
    output = capsys.readouterr()
    assert output.out.index("a.log.9 ") < output.out.index("a.log.10 ")
    assert output.err.splitlines()[-1] == f"{tmp_path}/*.none: no file matches"


def test_the_help_imports_neither_numba_nor_arrow() -> None:
    script = (
        "import contextlib, sys; from beam_jobs.access_log.cli.command import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "sys.exit(bool({'numba', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
