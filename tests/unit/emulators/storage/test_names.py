"""Names of buckets and objects, and the globs that match objects' names."""

import pytest

from emulators.storage.errors import StorageError
from emulators.storage.names import check_bucket_name, check_object_name, glob_pattern


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a\nb", "a\rb", "é" * 513, "\ud800", ".well-known/acme-challenge/x", None]
)
def test_what_no_object_is_called(name: object) -> None:
    with pytest.raises(StorageError):
        check_object_name(name)


@pytest.mark.parametrize("name", ["/", "a//b", "a/./b", "a/../b", "...", "100%", "é" * 512, "\t", "\U0001f600"])
def test_what_an_object_may_be_called(name: str) -> None:
    assert check_object_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "Upper", "a/b", "-ab", "ab-", None, "", "a..b", "x" * 64, ".".join(["x" * 60] * 4)),
        *("192.168.5.4", "goog-logs", "my-google-logs", "g00gle"),
    ],
)
def test_what_no_bucket_is_called(name: object) -> None:
    with pytest.raises(StorageError):
        check_bucket_name(name)


@pytest.mark.parametrize("name", ["logs", "a_b-c.d", "x" * 63, "example.com", "1.2.3", "go-og"])
def test_what_a_bucket_may_be_called(name: str) -> None:
    assert check_bucket_name(name) == name


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("*.log", ["a.log", ".log"], ["a/b.log", "a.logs"]),
        ("**.log", ["a.log", "a/b.log"], ["a.txt"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
        ("?.log", ["a.log"], ["/.log", "ab.log"]),
        ("[a-c]x", ["ax", "cx"], ["dx"]),
        ("[!a-c]x", ["dx"], ["ax"]),
        ("{a,b/c}.gz", ["a.gz", "b/c.gz"], ["c.gz"]),
        ("\\*a", ["*a"], ["xa"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a,b}", ["a,b}"], ["a"]),
    ],
)
def test_globs(glob: str, matching: list[str], others: list[str]) -> None:
    pattern = glob_pattern(glob)
    assert [name for name in [*matching, *others] if pattern.fullmatch(name)] == matching


@pytest.mark.parametrize("glob", ["{a", "[z-a]"])
def test_a_glob_without_meaning_is_refused(glob: str) -> None:
    with pytest.raises(StorageError):
        glob_pattern(glob)
