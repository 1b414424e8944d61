"""Files of this machine, and the objects that they become."""

import gzip
import os
from pathlib import Path

import pytest

from logline_cli.errors import ClientError
from logline_cli.sources import find_sources


def test_a_file_becomes_an_object_of_its_name(tmp_path: Path):
    log = tmp_path / "access.log"
    log.write_text("line\n")
    found = find_sources([str(log)], "loaded")
    assert found.objects == {log: "loaded/access.log"}
    assert found.pattern == "loaded/access.log"


def test_a_folder_keeps_its_tree(tmp_path: Path):
    folder = tmp_path / "my logs"
    (folder / "old").mkdir(parents=True)
    for name in ("a.log", "old/a.log", ".hidden"):
        (folder / name).write_text("line\n")
    (folder / "b.log.gz").write_bytes(gzip.compress(b"line\n"))
    found = find_sources([str(folder)], "sites/shop")
    assert sorted(found.objects.values()) == [
        "sites/shop/my_logs/a.log",
        "sites/shop/my_logs/b.log.gz",
        "sites/shop/my_logs/old/a.log",
    ]
    assert found.pattern == "sites/shop/my_logs/**"


def test_a_pattern_finds_what_it_matches(tmp_path: Path):
    for name in ("a/1.log", "b/2.log", "b/3.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("line\n")
    found = find_sources([f"{tmp_path}/**/*.log"], "loaded")
    folder = f"loaded/{tmp_path.name}"
    assert sorted(found.objects.values()) == [f"{folder}/a/1.log", f"{folder}/b/2.log"]


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (("access-0601.log", "access-0602.log"), "loaded/access-060*"),
        (("a.log", "b.log"), "loaded/*"),
        (("a.log", "sub/b.log"), "loaded/**"),
    ],
)
def test_several_arguments_have_one_narrow_pattern(tmp_path: Path, names: tuple[str, ...], pattern: str):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("line\n")
    arguments = [str(tmp_path / name.partition("/")[0]) for name in names]
    assert find_sources(arguments, "loaded").pattern == pattern


def test_two_files_that_would_become_one_object_are_refused(tmp_path: Path):
    for name in ("a/access.log", "b/access.log"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("line\n")
    with pytest.raises(ClientError, match=r"would both become loaded/access\.log: load them with different --prefix"):
        find_sources([str(tmp_path / "a/access.log"), str(tmp_path / "b/access.log")], "loaded")


def test_a_file_that_is_named_twice_is_one(tmp_path: Path):
    log, link = tmp_path / "access.log", tmp_path / "links" / "access.log"
    log.write_text("line\n")
    link.parent.mkdir()
    link.symlink_to(log)
    assert find_sources([str(log), str(link)], "loaded").objects == {log: "loaded/access.log"}


def test_names_in_the_bucket_hold_nothing_that_means_something_there(tmp_path: Path):
    odd = tmp_path / "a[1]*?'\"; #.log"
    odd.write_text("line\n")
    assert find_sources([str(odd)], "loaded").pattern == "loaded/a_1________.log"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nowhere.log", "there is no such file or folder"),
        ("*.nothing", "no file matches"),
        ("a" * 300, "cannot be read: File name too long"),
        ("pipe", "is no file"),
        ("empty", "is a folder without a file in it"),
    ],
)
def test_nothing_to_read_is_one_line(tmp_path: Path, name: str, line: str):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ClientError) as refused:
        find_sources([f"{tmp_path}/{name}"], "loaded")
    assert str(refused.value) == f"{tmp_path}/{name}: {line}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", "'': names no file"),
        ("-", "-: there is no such file or folder"),
        ("gs://b/x.log", "gs://b/x.log: is on Cloud Storage already: logline backfill --source 'gs://b/x.log'"),
    ],
)
def test_what_is_no_name_of_a_file_is_one_line(name: str, line: str):
    with pytest.raises(ClientError) as refused:
        find_sources([name], "loaded")
    assert str(refused.value) == line
