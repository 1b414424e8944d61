"""Logs that are cut while processes go on writing to them, and old ones that are deleted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_stack.supervisor import logs

LINES = 60_000
WRITE = f"""
import os
for number in range({LINES}):
    os.write(1, b"%d %s\\n" % (number, b"x" * 60))
"""


@pytest.mark.parametrize("cuts", [True, False], ids=["a file system that cuts", "one that does not"])
def test_a_log_is_bounded_and_no_line_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: bool) -> None:
    monkeypatch.setattr(logs, "KEPT_LOG_BYTES", 500_000)
    if not cuts:
        monkeypatch.setattr(logs, "_cut", lambda *_: False)
    log, moved = tmp_path / "part.log", b""
    with log.open("ab") as output, subprocess.Popen([sys.executable, "-c", WRITE], stdout=output) as writer:
        while writer.poll() is None:
            # Where the file system cannot cut, a writer must pause for the moment of the cut.
            if not cuts:
                writer.send_signal(signal.SIGSTOP)
                time.sleep(0.01)
            if logs.rotate(log):
                moved += (tmp_path / "part.log.1").read_bytes()
            if not cuts:
                writer.send_signal(signal.SIGCONT)
                time.sleep(0.01)
    whole = moved + log.read_bytes()
    assert [int(line.split()[0]) for line in whole.splitlines()] == list(range(LINES))
    assert moved
    while logs.rotate(log):
        pass
    assert logs.size(log) <= logs.KEPT_LOG_BYTES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.log", "part.log.1"]


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    assert logs.rotate(log) == 0
    log.write_text("a line\n")
    assert logs.rotate(log) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["part.log"]


def test_old_logs_go_first_and_their_folders_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEPT_TASK_LOG_BYTES", 250)
    day = 86_400
    for name, age in {"a/1/x.log": 20 * day, "a/2/x.log": 3 * day, "b/x.log": 2 * day, "c/x.log": day}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x" * 100)
        os.utime(file, times=(time.time() - age,) * 2)
    logs.delete_old(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        *("b", "b/x.log"),
        *("c", "c/x.log"),
    ]
    logs.delete_old(tmp_path / "not there")
