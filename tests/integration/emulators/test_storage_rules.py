"""The Cloud Storage emulator holds to preconditions, pages and limits: docs/service-rules.md."""

import uuid
from collections.abc import Iterator

import pytest
import requests
from google.api_core.exceptions import BadRequest, NotFound, NotModified, PreconditionFailed
from google.cloud import storage
from google.cloud.storage.exceptions import InvalidResponse

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bucket(emulators: RunningStack) -> Iterator[storage.Bucket]:
    with emulators.storage() as client:
        yield client.create_bucket(f"rules-{uuid.uuid4().hex[:8]}")


def test_preconditions_of_an_upload(bucket):
    blob = bucket.blob("upload")
    blob.upload_from_string(b"1", if_generation_match=0)
    first = blob.generation
    with pytest.raises(PreconditionFailed):
        blob.upload_from_string(b"2", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        blob.upload_from_string(b"2", if_generation_not_match=first)
    blob.upload_from_string(b"2", if_generation_match=first)
    assert blob.generation > first
    assert blob.download_as_bytes() == b"2"


def test_preconditions_of_a_resumable_upload_hold_at_its_end(bucket):
    file = bucket.blob("resumable", chunk_size=256 << 10).open("wb", if_generation_match=0)
    file.write(b"x" * (300 << 10))
    bucket.blob("resumable").upload_from_string(b"meanwhile")
    with pytest.raises(InvalidResponse, match="412"):
        file.close()
    assert bucket.blob("resumable").download_as_bytes() == b"meanwhile"


def test_preconditions_of_reading(bucket):
    blob = bucket.blob("read")
    blob.upload_from_string(b"1")
    assert blob.download_as_bytes(if_generation_match=blob.generation, if_metageneration_match=1) == b"1"
    with pytest.raises(PreconditionFailed):
        blob.download_as_bytes(if_generation_match=blob.generation + 1)
    with pytest.raises(NotModified):
        blob.download_as_bytes(if_generation_not_match=blob.generation)
    with pytest.raises(PreconditionFailed):
        blob.reload(if_metageneration_match=2)
    with pytest.raises(NotFound):
        bucket.blob("read", generation=blob.generation - 1).download_as_bytes()


def test_preconditions_of_changes_and_deletions(bucket):
    blob = bucket.blob("changed")
    blob.upload_from_string(b"1")
    blob.metadata = {"a": "b"}
    blob.patch(if_metageneration_match=1)
    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_match=1)
    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_not_match=2)
    with pytest.raises(PreconditionFailed):
        blob.delete(if_generation_match=blob.generation + 1)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(blob, bucket, "copied", if_source_generation_match=1)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(blob, bucket, "copied", if_generation_match=1)
    assert not bucket.blob("copied").exists()
    blob.delete(if_generation_match=blob.generation)


def test_preconditions_of_a_bucket(emulators):
    with emulators.storage() as client:
        bucket = client.create_bucket(f"rules-{uuid.uuid4().hex[:8]}")
        bucket.labels = {"a": "b"}
        bucket.patch(if_metageneration_match=1)
        with pytest.raises(PreconditionFailed):
            bucket.patch(if_metageneration_match=1)
        root = f"{emulators.config.url('storage')}/storage/v1/b/{bucket.name}"
        assert requests.delete(f"{root}?ifMetagenerationMatch=1", timeout=60).status_code == 412
        assert requests.delete(f"{root}?ifMetagenerationMatch=2", timeout=60).status_code == 204


def test_a_list_comes_in_pages_of_a_thousand(emulators, bucket):
    url = f"{emulators.config.url('storage')}/upload/storage/v1/b/{bucket.name}/o"
    with requests.Session() as session:
        for number in range(1001):
            query = {"uploadType": "media", "name": f"page/{number:04}"}
            assert session.post(url, params=query, data=b"", timeout=60).status_code == 200
    root = f"{emulators.config.url('storage')}/storage/v1/b/{bucket.name}/o"
    first = requests.get(root, params={"prefix": "page/", "maxResults": 5000}, timeout=60).json()
    assert len(first["items"]) == 1000
    query = {"prefix": "page/", "pageToken": first["nextPageToken"]}
    rest = requests.get(root, params=query, timeout=60).json()
    assert [item["name"] for item in rest["items"]] == ["page/1000"]
    assert "nextPageToken" not in rest
    assert len(list(bucket.list_blobs(prefix="page/"))) == 1001


def test_a_composition_has_thirty_two_sources_at_most(bucket):
    part = bucket.blob("part")
    part.upload_from_string(b"x")
    bucket.blob("composed").compose([part] * 32)
    with pytest.raises(BadRequest, match=r"source components provided \(33\)"):
        bucket.blob("composed").compose([part] * 33)
    assert bucket.blob("composed").download_as_bytes() == b"x" * 32


def test_a_batch_has_a_hundred_calls_at_most(emulators):
    url = f"{emulators.config.url('storage')}/batch/storage/v1"
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /storage/v1/b HTTP/1.1\r\n\r\n\r\n"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    for number, status in ((100, 200), (101, 400)):
        answer = requests.post(url, data=part * number + "--b--", headers=headers, timeout=60)
        assert answer.status_code == status


@pytest.mark.parametrize("name", ["goog-logs", "192.168.5.4", "a..b", "Logs"])
def test_names_of_buckets(emulators, name):
    with emulators.storage() as client, pytest.raises((BadRequest, ValueError)):
        client.create_bucket(name)
