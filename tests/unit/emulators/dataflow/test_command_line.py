"""What a wrong option of the command says."""

import sys
from pathlib import Path

import pytest

from emulators.dataflow.__main__ import parse_arguments
from emulators.dataflow.serving import StartError, serve

REQUIRED = ["--project", "p", "--template-bucket", "templates"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--project", "p"], "the following arguments are required: --template-bucket"),
        ([*REQUIRED, "--template-bucket", "specs="], "'specs=' is neither BUCKET nor BUCKET=FOLDER"),
        ([*REQUIRED, "--template-bucket", "specs=/no/folder"], "/no/folder is not a folder"),
        ([*REQUIRED, "--image", "words"], "'words' is not NAME=MODULE"),
        ([*REQUIRED, "--python", "/no/python"], "there is no program /no/python"),
    ],
)
def test_a_wrong_option_is_one_line(capsys: pytest.CaptureFixture[str], options: list[str], reason: str) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_arguments(options)
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("dataflow-emulator: ")
    assert reason in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(("script", "reason"), [("#!/bin/sh\nexit 1\n", "cannot run the jobs"), ("", "does not start")])
def test_a_python_that_cannot_run_jobs_is_refused_at_the_start(tmp_path: Path, script: str, reason: str) -> None:
    python = tmp_path / "python"
    python.write_text(script)
    python.chmod(0o700)
    with pytest.raises(StartError, match=reason):
        serve(parse_arguments([*REQUIRED, "--python", str(python)]))


def test_the_python_of_a_virtual_environment_is_its_link(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert parse_arguments([*REQUIRED, "--python", str(link)]).python == str(link)
