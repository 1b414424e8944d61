"""Local files as objects: what matches, what is read, what is refused."""

import os
from pathlib import Path

import pytest

from beam_jobs.storage.files import absolute, delete_object, list_objects, read_range, write_object
from beam_jobs.storage.objects import InputError, InputErrorType, OutputError


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("a.log", "b.log.gz", "deep/er/c.log", "deep/d.txt", ".hidden.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", ["a.log", "b.log.gz"]),
        ("*.log", ["a.log"]),
        ("?.log", ["a.log"]),
        ("[ab].log*", ["a.log", "b.log.gz"]),
        ("**/*.log", ["a.log", "deep/er/c.log"]),
        ("deep/**", ["deep/d.txt", "deep/er/c.log"]),
        ("deep/d.txt", ["deep/d.txt"]),
    ],
)
def test_patterns(logs: Path, pattern: str, names: list[str]) -> None:
    found = list_objects(f"{logs}/{pattern}")
    assert [stored.uri for stored in found] == [f"{logs}/{name}" for name in names]
    assert found[0].size == (logs / names[0]).stat().st_size
    assert found[0].generation == (logs / names[0]).stat().st_mtime_ns


@pytest.mark.parametrize("pattern", ["*.none", "none", "deep", ""])
def test_nothing_matches(logs: Path, pattern: str) -> None:
    with pytest.raises(InputError, match="no object matches") as caught:
        list_objects(f"{logs}/{pattern}")
    assert caught.value.error_type is InputErrorType.NO_MATCH
    assert "\n" not in str(caught.value)


def test_a_file_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.log")).write_bytes(b"x")
    with pytest.raises(InputError, match="not UTF-8"):
        list_objects(f"{tmp_path}/*")


def test_ranges_end_with_the_object(logs: Path) -> None:
    (stored,) = list_objects(f"{logs}/a.log")
    assert read_range(stored, 2, 4) == b"lo"
    assert read_range(stored, 2, 400) == b"log"
    assert read_range(stored, 5, 9) == b""


def test_a_file_that_changed_since_it_was_listed_is_refused(logs: Path) -> None:
    (stored,) = list_objects(f"{logs}/a.log")
    (logs / "a.log").write_bytes(b"longer than before")
    with pytest.raises(InputError, match="replaced or deleted") as caught:
        read_range(stored, 0, 4)
    assert caught.value.error_type is InputErrorType.CHANGED
    (logs / "a.log").unlink()
    with pytest.raises(InputError, match="replaced or deleted"):
        read_range(stored, 0, 4)


def test_a_write_replaces_the_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    uri = f"{tmp_path}/new/folder/file"
    write_object(uri, b"first")
    write_object(uri, memoryview(b"second"))
    assert Path(uri).read_bytes() == b"second"
    assert [path.name for path in Path(uri).parent.iterdir()] == ["file"]


def test_a_write_into_a_file_as_folder_is_refused(logs: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_object(f"{logs}/a.log/file", b"")


def test_delete_is_repeatable(tmp_path: Path) -> None:
    write_object(f"{tmp_path}/file", b"")
    delete_object(f"{tmp_path}/file")
    delete_object(f"{tmp_path}/file")
    assert not (tmp_path / "file").exists()


def test_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("logs/") == f"{tmp_path}/logs"
    assert absolute("gs://bucket/logs/") == "gs://bucket/logs"


def test_errors_are_one_line() -> None:
    error = InputError("gs://b/o", InputErrorType.UNREADABLE, "first\n  second")
    assert str(error) == "gs://b/o: first second"


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_a_file_is_for_whom_the_process_means_it(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_object(str(tmp_path / "file"), b"content")
    finally:
        os.umask(before)
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("file", mode)]


@pytest.mark.parametrize("uri", ["gs://", "gs:///a", "gs:/b/a", "GS://b/a", "s3://b/a", "file:///a", "https://h/a"])
def test_what_is_neither_on_cloud_storage_nor_a_path_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="is neither on Cloud Storage nor a path: write gs://bucket/name, or"):
        absolute(uri)
    assert absolute(f"./{uri}") == os.path.normpath(f"{Path.cwd()}/{uri}")
