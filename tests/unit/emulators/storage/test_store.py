"""Objects of a store in a folder: names, generations, conditions, lists, and what a kill leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.storage.errors import StorageError
from emulators.storage.records import UNCONDITIONAL, Conditions
from emulators.storage.store import ObjectStore

BUCKET = "logs"
NAMES = [
    "/a",
    "A",
    "a",
    "a b",
    "a//b",
    "a/./b",
    "a/../b",
    "a/b",
    "a/b/c",
    "a/b/",
    "a%2Fb",
    "é",
    "x" * 1024,
    "\U0001f600",
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path)
    store.create_bucket(BUCKET, {})
    yield store
    store.close()


def put(store: ObjectStore, name: str, content: bytes = b"x", conditions: Conditions = UNCONDITIONAL) -> int:
    return store.put(BUCKET, name, store.receive(content), {"contentType": "text/plain"}, conditions).generation


def read(store: ObjectStore, name: str) -> bytes:
    _, file = store.open(BUCKET, name)
    with file:
        return file.read()


def names(store: ObjectStore, **options: object) -> list[str]:
    return [stored.name for stored in store.list(BUCKET, limit=1000, **options).objects]  # type: ignore[arg-type]


def test_objects_of_any_name_are_apart(store: ObjectStore) -> None:
    for name in NAMES:
        put(store, name, name.encode())
    assert names(store) == sorted(NAMES, key=str.encode)
    assert [read(store, name) for name in NAMES] == [name.encode() for name in NAMES]
    for number, name in enumerate(NAMES, 1):
        store.delete(BUCKET, name, None, UNCONDITIONAL)
        assert len(names(store)) == len(NAMES) - number


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_a_list_by_delimiter(store: ObjectStore, limit: int) -> None:
    for name in ["a", "a/", "a/1", "a/2", "a//3", "b/1/2", "c"]:
        put(store, name)

    def pages(prefix: str) -> tuple[list[str], list[str]]:
        found: tuple[list[str], list[str]] = [], []
        position: bytes | None = b""
        while position is not None:
            page = store.list(BUCKET, prefix=prefix, delimiter="/", start=position, limit=limit)
            assert len(page.objects) + len(page.prefixes) <= limit
            found[0].extend(stored.name for stored in page.objects)
            found[1].extend(page.prefixes)
            position = page.position
        return found

    assert pages("") == (["a", "c"], ["a/", "b/"])
    assert pages("a/") == (["a/", "a/1", "a/2"], ["a//"])
    assert pages("b") == ([], ["b/"])


def test_generations_grow_and_an_older_one_is_gone(store: ObjectStore) -> None:
    first = put(store, "a")
    store.delete(BUCKET, "a", first, UNCONDITIONAL)
    second = put(store, "a")
    third = put(store, "a")
    assert first < second < third
    with pytest.raises(StorageError, match=str(second)):
        store.get(BUCKET, "a", second)


def test_a_change_of_properties_grows_the_metageneration(store: ObjectStore) -> None:
    generation = put(store, "a")
    changed = store.update(BUCKET, "a", lambda old: {**old, "cacheControl": "no-cache"}, None, UNCONDITIONAL)
    assert (changed.generation, changed.metageneration) == (generation, 2)
    assert store.get(BUCKET, "a").properties["cacheControl"] == "no-cache"


def test_conditions(store: ObjectStore) -> None:
    absent = Conditions(generation_match=0)
    generation = put(store, "a", b"first", absent)
    for conditions in (
        absent,
        Conditions(generation_match=generation + 1),
        Conditions(generation_not_match=generation),
        Conditions(metageneration_match=2),
        Conditions(metageneration_not_match=1),
    ):
        with pytest.raises(StorageError) as refused:
            put(store, "a", b"second", conditions)
        assert refused.value.status == 412
    assert read(store, "a") == b"first"
    put(store, "a", b"second", Conditions(generation_match=generation, metageneration_match=1))


@pytest.mark.parametrize("wrong", [{"crc32c": "AAAAAA=="}, {"md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="}])
def test_a_wrong_checksum_is_refused(store: ObjectStore, wrong: dict[str, str]) -> None:
    with pytest.raises(StorageError, match="doesn't match"):
        store.put(BUCKET, "a", store.receive(b"content"), wrong)
    assert names(store) == []


def test_an_object_that_is_being_read_outlives_its_end(store: ObjectStore) -> None:
    put(store, "a", b"first")
    _, file = store.open(BUCKET, "a")
    put(store, "a", b"second")
    store.delete(BUCKET, "a", None, UNCONDITIONAL)
    with file:
        assert file.read() == b"first"


def test_what_a_kill_leaves_is_deleted_at_the_next_start(tmp_path: Path) -> None:
    killed = ObjectStore(tmp_path)
    killed.create_bucket(BUCKET, {})
    put(killed, "a", b"whole")
    killed.receive(b"half")
    (tmp_path / "contents" / "1").write_bytes(b"not in the index")
    upload = killed.begin_upload(BUCKET, "b", {}, UNCONDITIONAL)
    killed.received(upload).write_bytes(b"so far")
    again = ObjectStore(tmp_path)
    assert read(again, "a") == b"whole"
    assert again.received(again.upload(upload.id)).read_bytes() == b"so far"
    files = [path.name for path in tmp_path.rglob("*") if path.is_file() and "index" not in path.name]
    assert len(files) == 2
    again.close()
    killed.close()
