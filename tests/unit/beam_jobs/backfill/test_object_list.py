"""The list of a job's objects, and what is said of a mistake in it."""

import json
from pathlib import Path

import pytest

from beam_jobs.backfill.object_list import read_object_list
from beam_jobs.options.parameters import OptionError
from beam_jobs.storage.objects import StoredObject


def line(uri: object = "gs://b/o", generation: object = 1, size: object = 2) -> str:
    return json.dumps({"uri": uri, "generation": generation, "size": size})


def read(folder: Path, content: str) -> list[StoredObject]:
    (folder / "objects.jsonl").write_text(content)
    return read_object_list(f"{folder}/objects.jsonl")


@pytest.mark.parametrize("end", ["", "\n"])
def test_each_line_is_an_object_pinned_to_its_generation(tmp_path: Path, end: str) -> None:
    lines = [line("gs://b/logs/[a] *.log", 1763900000000000, 0), line("/logs/a.log", 7, 1 << 40)]
    assert read(tmp_path, "\n".join(lines) + end) == [
        StoredObject("gs://b/logs/[a] *.log", 1763900000000000, 0),
        StoredObject("/logs/a.log", 7, 1 << 40),
    ]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("gs://b/2", "is not JSON: "),
        ("", "is not JSON: "),
        ("[" * 100_000, "is not JSON: "),
        ("[]", "is not a JSON object: write {"),
        (line(uri=None), "has the uri null: write gs://bucket/object or an absolute path"),
        (line(uri="s3://b/o"), 'has the uri "s3://b/o": write gs://'),
        (line(uri="logs/a.log"), 'has the uri "logs/a.log"'),
        (line(uri="gs://b"), 'has the uri "gs://b"'),
        (line(uri="gs://b/"), 'has the uri "gs://b/"'),
        (line(uri="/a\0"), r'has the uri "/a\u0000"'),
        (line(uri="/\ud800"), r'has the uri "/\ud800"'),
        ('{"uri": "gs://b/o", "size": 2}', "has the generation null: write a number"),
        (line(generation="1"), 'has the generation "1": write a number, without quotes'),
        (line(generation=1.5), "has the generation 1.5"),
        (line(generation=1 << 63), "has the generation 9223372036854775808"),
        (line(size=True), "has the size true"),
        (line(size=-1), "has the size -1"),
        (line("gs://b/1"), "repeats gs://b/1 of line 1; list it once"),
    ],
)
def test_a_mistake_is_said_in_one_line_with_its_number(tmp_path: Path, second: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        read(tmp_path, f"{line('gs://b/1')}\n{second}\n")
    said = str(error.value)
    assert said.startswith(f"--objects={tmp_path}/objects.jsonl: line 2 {message}")
    assert len(said.splitlines()) == 1


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is empty; list at least one object"):
        read(tmp_path, "")


def test_a_list_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"^--objects={tmp_path}/none: cannot be read: No such file or directory$"):
        read_object_list(f"{tmp_path}/none")
