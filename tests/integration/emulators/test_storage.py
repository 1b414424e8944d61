"""What logline relies on in the Cloud Storage emulator."""

import gzip
import io
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from google.cloud import storage
from google.cloud.exceptions import NotFound

from local_stack.config import HOST
from local_stack.running import RunningStack

pytestmark = pytest.mark.integration


@pytest.fixture
def bucket(emulators: RunningStack) -> Iterator[storage.Bucket]:
    with emulators.storage() as client:
        yield client.create_bucket(f"smoke-{uuid.uuid4().hex[:8]}")


def test_gives_back_what_was_written(bucket):
    content = os.urandom(100_000)
    bucket.blob("a/b.bin").upload_from_string(content)
    assert bucket.blob("a/b.bin").download_as_bytes() == content
    bucket.blob("empty").upload_from_string(b"")
    assert bucket.blob("empty").download_as_bytes() == b""


def test_reads_a_range(bucket):
    bucket.blob("range").upload_from_string(bytes(range(256)))
    assert bucket.blob("range").download_as_bytes(start=10, end=19) == bytes(range(10, 20))
    assert bucket.blob("range").download_as_bytes(start=250) == bytes(range(250, 256))


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, 1_000_000])
def test_takes_an_upload_in_chunks(bucket, size):
    content = os.urandom(size)
    with bucket.blob("chunks").open("wb", chunk_size=262_144, ignore_flush=True) as file:
        file.write(content)
    assert bucket.blob("chunks").download_as_bytes() == content


@pytest.mark.parametrize("whole", [b"", b"x", b"x" * 262_144])
def test_takes_an_upload_of_unknown_size(bucket, whole):
    bucket.blob("unsized").upload_from_file(io.BytesIO(whole), checksum=None)
    assert bucket.blob("unsized").download_as_bytes() == whole


def test_only_uploads_may_have_any_content_type(emulators, bucket):
    address = f"{emulators.config.url('storage')}/b/{bucket.name}/o"  # as Google's clients for Node write it
    options = {"data": b"content", "headers": {"Content-Type": "text/plain"}, "timeout": 60}
    given = {"uploadType": "media", "name": "from/node"}
    assert requests.post(address, params=given, **options).status_code == 200
    assert requests.post(address, **options).status_code == 403
    assert bucket.blob("from/node").download_as_bytes() == b"content"


def test_names_are_names_and_no_paths(bucket):
    names = [
        "c/x",
        "c//x",
        "c/x/y",
        "c/",
        "c",
        "/c",
        "../c",
        "c/./x",
        "c%2Fx",
        "c x",
        "c+x",
        "c#x?y=&z",
        "\u00fc/\u65e5",
        "C",
    ]
    for name in names:
        bucket.blob(name).upload_from_string(name)
    assert [blob.name for blob in bucket.list_blobs()] == sorted(names, key=str.encode)
    assert {name: bucket.blob(name).download_as_text() for name in names} == {name: name for name in names}
    for name in ("c//x", "c/x/y", "c%2Fx"):
        bucket.blob(name).delete()
        names.remove(name)
    assert [blob.name for blob in bucket.list_blobs()] == sorted(names, key=str.encode)
    below = bucket.list_blobs(prefix="c/", delimiter="/")
    assert ([blob.name for blob in below], below.prefixes) == (["c/", "c/x"], {"c/./"})


def test_keeps_gzip_as_it_is(bucket):
    packed = gzip.compress(b"line\n" * 1000)
    bucket.blob("log.gz").upload_from_string(packed, content_type="application/gzip")
    assert bucket.blob("log.gz").download_as_bytes(raw_download=True) == packed


def test_lists_by_prefix_and_replaces(bucket):
    for name in ("logs/2024-01-01/a.log", "logs/2024-01-02/a.log", "other"):
        bucket.blob(name).upload_from_string(b"x")
    assert [blob.name for blob in bucket.list_blobs(prefix="logs/2024-01-02/")] == ["logs/2024-01-02/a.log"]
    first = bucket.get_blob("other")
    bucket.blob("other").upload_from_string(b"new")
    second = bucket.get_blob("other")
    assert second.size == 3
    assert second.generation > first.generation


def test_a_copy_equals_its_source(bucket):
    content = os.urandom(50_000)
    bucket.blob("source").upload_from_string(content)
    bucket.copy_blob(bucket.blob("source"), bucket, "target")
    bucket.blob("both").compose([bucket.blob("source"), bucket.blob("target")])
    assert bucket.blob("target").download_as_bytes() == content
    assert bucket.blob("both").download_as_bytes() == content + content


def test_a_deleted_object_is_gone(bucket):
    bucket.blob("gone").upload_from_string(b"x")
    bucket.blob("gone").delete()
    with pytest.raises(NotFound):
        bucket.blob("gone").download_as_bytes()


def test_a_client_that_does_not_speak_stops_nobody(emulators, bucket):
    with socket.create_connection((HOST, emulators.config.ports["storage"])):
        bucket.blob("spoken").upload_from_string(b"x")
        assert bucket.blob("spoken").download_as_bytes() == b"x"


def test_many_clients_at_once(emulators, bucket):
    def write_and_read(number: int) -> bytes:
        with emulators.storage() as client:
            blob = client.bucket(bucket.name).blob(f"many/{number}")
            blob.upload_from_string(str(number) * 1000)
            return blob.download_as_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write_and_read, range(64))) == [(str(number) * 1000).encode() for number in range(64)]
    assert len(list(bucket.list_blobs(prefix="many/"))) == 64


def test_keeps_whole_objects_when_killed_in_the_middle_of_writing(emulators, bucket):
    written: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with emulators.storage() as client:
            number = 0
            while not stop.is_set():
                client.bucket(bucket.name).blob(f"kept/{number}").upload_from_string(b"x" * 200_000, retry=None)
                written.append(number)
                number += 1

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while len(written) < 20:
            assert not writing.done()
        emulators.kill("storage")
        stop.set()
        with pytest.raises(Exception, match=r"[Cc]onnection"):
            writing.result()
    kept = {blob.name: blob.size for blob in bucket.list_blobs(prefix="kept/")}
    assert set(kept) >= {f"kept/{number}" for number in written}
    assert set(kept.values()) == {200_000}
    assert bucket.blob("kept/0").download_as_bytes() == b"x" * 200_000


def test_composes_whatever_checksums_the_destination_has(emulators, bucket):
    for name in "ab":
        bucket.blob(name).upload_from_string(name)
    destination = {"contentType": "text/plain", "crc32c": "AAAAAA==", "md5Hash": "CQi4lhreoUc9TisyMNZQfw=="}
    body = {"destination": destination, "sourceObjects": [{"name": "a"}, {"name": "b"}]}
    url = f"{emulators.config.url('storage')}/storage/v1/b/{bucket.name}/o/c/compose"
    assert requests.post(url, json=body, timeout=60).status_code == 200
    assert bucket.blob("c").download_as_bytes() == b"ab"


@pytest.mark.parametrize("part", ["storageLayout", "managedFolders"])
def test_buckets_have_a_flat_layout(emulators, bucket, part):
    root = f"{emulators.config.url('storage')}/storage/v1/b"
    answer = requests.get(f"{root}/{bucket.name}/{part}", timeout=60).json()
    assert not answer.get("items")
    assert not answer.get("hierarchicalNamespace", {}).get("enabled")
    assert requests.get(f"{root}/missing-bucket/{part}", timeout=60).status_code == 404
