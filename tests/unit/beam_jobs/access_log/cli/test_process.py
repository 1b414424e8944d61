"""The command as a process: closed pipes, full disks, colours, hostile bytes, and what it does not import."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

COMMAND = (sys.executable, "-m", "beam_jobs.access_log")
LINE = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl/8.5.0"\n'


def run(*arguments: str | Path, environment: dict[str, str] | None = None, **options: object) -> tuple[int, str, str]:
    """Run the command; its exit code, what it prints, what it complains of."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, "COLUMNS": "80", **(environment or {})},
        capture_output="stdout" not in options,
        timeout=300,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    return done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 2,000 lines."""
    (tmp_path / "access.log").write_text("".join(LINE.format(number) for number in range(2000)))
    return tmp_path / "access.log"


@pytest.mark.parametrize("arguments", [("access.log", "--output", "json"), ("--help",)])
def test_who_reads_one_line_and_leaves_gets_no_traceback(log: Path, arguments: Sequence[str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=log.parent,
        env={**os.environ, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    if "json" in arguments:
        assert process.stdout.read(10) == b'{"line": 1'
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(300) == 141


@pytest.mark.parametrize("arguments", [(), ("--output", "json"), ("--help",)])
def test_a_full_disk_is_one_line(log: Path, arguments: Sequence[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, complaint = run(log, *arguments, stdout=full, stderr=subprocess.PIPE)
    assert (code, complaint) == (1, "standard output: cannot be written: No space left on device\n")


def test_a_page_on_a_full_disk_is_one_line(log: Path) -> None:
    code, _, complaint = run(log, "--html", "/dev/full")
    assert (code, complaint) == (1, "/dev/full: cannot be written: No space left on device\n")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_an_output_cannot_show_is_escaped(log: Path, encoding: str) -> None:
    odd = log.with_name(os.fsdecode("日\xff.log".encode() + b"\xff"))
    odd.write_text(LINE.format("日😀"))
    environment = {"PYTHONIOENCODING": encoding}
    code, printed, complaint = run(odd, "--html", odd.with_suffix(".html"), environment=environment)
    assert (code, complaint) == (0, "")
    assert ("日" in printed) == (encoding == "utf-8")
    code, printed, complaint = run(log, odd, "--output", "json", environment=environment)
    assert (code, complaint) == (0, "")
    last = json.loads(printed.splitlines()[-1])
    assert last["row"]["path"] == "/日😀"
    assert last["file"].endswith("日ÿ.log\\xff")


@pytest.mark.parametrize(
    ("environment", "has_colours"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_are_for_who_wants_them(log: Path, environment: dict[str, str], has_colours: bool) -> None:
    bare = dict.fromkeys(("FORCE_COLOR", "NO_COLOR"), "")
    code, printed, _ = run(log, environment=bare | environment)
    assert (code, "\033[" in printed) == (0, has_colours)


def test_nothing_of_a_log_or_of_its_name_reaches_the_terminal_as_a_command(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\x1b[31m\xff")
    folder.mkdir()
    escape = "\x1b]0;owned\x07\x9b31m\u202e\r"
    line = LINE.format(f"{escape}本語{'長' * 60}").replace("curl", f"{escape}bot")
    (folder / "a.log").write_text(line * 2 + f"spoilt {escape}\n", newline="\n")
    (folder / "bad\x1b[31m").write_bytes(b"no log\x1b[31m\n")
    (folder / "gone\x1b[31m.gz").write_bytes(gzip.compress(b"x" * 100)[:20])
    code, printed, complaint = run(folder, "nowhere\x1b[31m", "--html", tmp_path / "page.html")
    assert code == 1
    assert len(complaint.splitlines()) == 3
    for text in (printed, complaint):
        assert {character for character in text if not character.isprintable()} <= {"\n"}
    shown = next(line for line in printed.splitlines() if "長" in line and "%" in line)
    assert len(shown) + sum(character in "本語長" for character in shown) <= 80


def test_what_cannot_be_read_has_a_line_and_the_rest_is_read(tmp_path: Path) -> None:
    for name in ("good/b.zst", "good/c.zip", "empty/.hidden", "binary/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    line = LINE.format("a").encode()
    (tmp_path / "good" / "a.log.gz").write_bytes(gzip.compress(line * 2))
    (tmp_path / "good" / "b.zst").write_bytes(zstandard.compress(line * 3))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("access.log", line * 4)
    (tmp_path / "good" / "c.zip").write_bytes(archive.getvalue())
    (tmp_path / "empty" / ".hidden").write_bytes(line)
    (tmp_path / "binary" / "x").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "again.log").symlink_to(tmp_path / "good" / "a.log.gz")
    code, printed, complaint = run(
        "good", "again.log", "-", "empty", "none*", "x" * 300, "/proc/self/mem", "binary",
        cwd=tmp_path, input=line * 5, environment={"PYTHONPATH": os.getcwd()},  # noqa: PTH109
    )  # fmt: skip
    assert code == 1
    assert [" ".join(row.split()) for row in printed.splitlines()[1:6]] == [
        "good/a.log.gz 2 2 0 0 combined (100% sure)",
        "good/b.zst 3 3 0 0 combined (100% sure)",
        "good/c.zip 4 4 0 0 combined (100% sure)",
        "standard input 5 5 0 0 combined (100% sure)",
        "all 14 14 0 0",
    ]
    said = complaint.splitlines()
    assert said[:3] == [
        "empty: is a folder without a file in it",
        "none*: no file matches",
        f"{'x' * 300}: cannot be read: File name too long",
    ]
    assert re.fullmatch(r"/proc/self/mem: cannot be read: Input/output error", said[3])
    assert said[4].startswith("binary/x: not an access log: ")


def test_a_copy_of_a_log_is_told_of(log: Path) -> None:
    log.with_name("copy.gz").write_bytes(gzip.compress(log.read_bytes()))
    code, _, complaint = run(log.parent)
    assert (code, complaint) == (0, f"{log.with_name('copy.gz')}: has the same rows as {log}: they count twice\n")


def test_a_log_is_read_without_pandas(log: Path) -> None:
    script = (
        "import sys; from beam_jobs.access_log.cli.command import main\n"
        "code = main(sys.argv[1:]); sys.exit(code or 'pandas' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", script, log, "--html", log.with_suffix(".html")], check=True, capture_output=True
    )
