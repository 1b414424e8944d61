"""Clients of Cloud Storage: `gcloud storage`, gsutil, and Google's for Python."""

import random

from google.cloud import storage

from tests.clients.case import Client, Workspace, distribution, program

GCLOUD = Client("gcloud storage", "Cloud Storage", program("gcloud", "version"), is_slow=True)
GSUTIL = Client("gsutil", "Cloud Storage", program("gsutil", "version"), is_slow=True)
PYTHON = Client("google-cloud-storage", "Cloud Storage", distribution("google-cloud-storage"))

GCSFS = Client("gcsfs", "Cloud Storage", distribution("gcsfs"))

CLIENTS = (GCLOUD, GSUTIL, PYTHON, GCSFS)

TEXT = "caf\u00e9\n".encode()
LARGE = random.Random(0).randbytes(18 << 20)
"""More than gcloud sends in one request."""


def bucket(work: Workspace, **objects: bytes) -> storage.Bucket:
    """Make a bucket of the workspace's name with objects; `a__b` is the name `a/b`."""
    with storage.Client() as client:
        made = client.create_bucket(work.name)
        for name, content in objects.items():
            made.blob(name.replace("__", "/")).upload_from_string(content)
    return made


def contents(work: Workspace) -> dict[str, bytes]:
    """Return the objects of the workspace's bucket, by their names."""
    with storage.Client() as client:
        return {blob.name: blob.download_as_bytes() for blob in client.list_blobs(work.name)}


@GCLOUD.case("buckets create, list, delete")
def buckets(work: Workspace) -> None:
    work.run("gcloud", "storage", "buckets", "create", f"gs://{work.name}")
    assert f"gs://{work.name}/" in work.run("gcloud", "storage", "ls").splitlines()
    work.run("gcloud", "storage", "buckets", "delete", f"gs://{work.name}", "--quiet")
    with storage.Client() as client:
        assert client.lookup_bucket(work.name) is None


@GCLOUD.case("cp up and down, cat")
def copies(work: Workspace) -> None:
    bucket(work)
    work.run("gcloud", "storage", "cp", work.file("a.txt", TEXT), f"gs://{work.name}/b.txt")
    assert contents(work) == {"b.txt": TEXT}
    work.run("gcloud", "storage", "cp", f"gs://{work.name}/b.txt", work.folder / "c.txt")
    assert (work.folder / "c.txt").read_bytes() == TEXT
    assert work.run("gcloud", "storage", "cat", f"gs://{work.name}/b.txt").encode() == TEXT


@GCLOUD.case("cp of a large file: a resumable upload, and down")
def large(work: Workspace) -> None:
    bucket(work)
    work.run("gcloud", "storage", "cp", work.file("large", LARGE), f"gs://{work.name}/large")
    work.run("gcloud", "storage", "cp", f"gs://{work.name}/large", work.folder / "back")
    assert (work.folder / "back").read_bytes() == LARGE


@GCLOUD.case("cp of a large file: a parallel composite upload, a sliced download")
def parallel(work: Workspace) -> None:
    bucket(work)
    upload, download = "CLOUDSDK_STORAGE_PARALLEL_COMPOSITE_UPLOAD_", "CLOUDSDK_STORAGE_SLICED_OBJECT_DOWNLOAD_"
    options = [
        f"{upload}ENABLED=True",
        *(f"{kind}{option}" for kind in (upload, download) for option in ("THRESHOLD=1M", "COMPONENT_SIZE=9M")),
    ]
    work.run("env", *options, "gcloud", "storage", "cp", work.file("large", LARGE), f"gs://{work.name}/large")
    with storage.Client() as client:
        assert client.bucket(work.name).get_blob("large").component_count > 1
    work.run("env", *options, "gcloud", "storage", "cp", f"gs://{work.name}/large", work.folder / "back")
    assert (work.folder / "back").read_bytes() == LARGE


@GCLOUD.case("cp -r, ls -l, du, rm -r")
def recursive(work: Workspace) -> None:
    bucket(work)
    work.file("folder/a.txt", TEXT)
    work.file("folder/sub/b.txt", b"")
    work.run("gcloud", "storage", "cp", "--recursive", work.folder / "folder", f"gs://{work.name}/")
    assert contents(work) == {"folder/a.txt": TEXT, "folder/sub/b.txt": b""}
    listed = work.run("gcloud", "storage", "ls", "--long", f"gs://{work.name}/**")
    assert f"TOTAL: 2 objects, {len(TEXT)} bytes" in listed
    assert work.run("gcloud", "storage", "du", "--summarize", f"gs://{work.name}").split()[0] == str(len(TEXT))
    work.run("gcloud", "storage", "rm", "--recursive", f"gs://{work.name}/folder")
    assert contents(work) == {}


@GCLOUD.case("rm -r of a bucket")
def remove_bucket(work: Workspace) -> None:
    bucket(work, a=TEXT, b__c=TEXT)
    work.run("gcloud", "storage", "rm", "--recursive", f"gs://{work.name}")
    with storage.Client() as client:
        assert client.lookup_bucket(work.name) is None


@GCLOUD.case("mv, cp between objects")
def moves(work: Workspace) -> None:
    bucket(work, a=TEXT)
    work.run("gcloud", "storage", "cp", f"gs://{work.name}/a", f"gs://{work.name}/b")
    work.run("gcloud", "storage", "mv", f"gs://{work.name}/a", f"gs://{work.name}/folder/c")
    assert contents(work) == {"b": TEXT, "folder/c": TEXT}


@GCLOUD.case("rsync up and down, with deletions")
def rsync(work: Workspace) -> None:
    bucket(work, x__old=TEXT)
    work.file("up/a.txt", TEXT)
    work.file("up/sub/b.txt", b"b")
    options = ("--recursive", "--delete-unmatched-destination-objects")
    work.run("gcloud", "storage", "rsync", *options, work.folder / "up", f"gs://{work.name}/x")
    assert contents(work) == {"x/a.txt": TEXT, "x/sub/b.txt": b"b"}
    (work.folder / "down").mkdir()
    work.run("gcloud", "storage", "rsync", *options, f"gs://{work.name}/x", work.folder / "down")
    found = {path.relative_to(work.folder / "down").as_posix() for path in (work.folder / "down").rglob("*.txt")}
    assert found == {"a.txt", "sub/b.txt"}


@GCLOUD.case("hash, objects describe, objects update")
def metadata(work: Workspace) -> None:
    blob = bucket(work, a=TEXT).blob("a")
    assert work.run("gcloud", "storage", "hash", f"gs://{work.name}/a", "--format=value(crc32c_hash)").strip() == (
        work.run("gcloud", "storage", "hash", work.file("a", TEXT), "--format=value(crc32c_hash)").strip()
    )
    work.run(
        *("gcloud", "storage", "objects", "update", f"gs://{work.name}/a"),
        *("--custom-metadata=kind=log", "--content-type=text/plain"),
    )
    blob.reload()
    assert (blob.metadata, blob.content_type) == ({"kind": "log"}, "text/plain")


@GCLOUD.case("objects compose")
def compose(work: Workspace) -> None:
    bucket(work, a=b"a", b=b"b")
    objects = [f"gs://{work.name}/{name}" for name in "abc"]
    work.run("gcloud", "storage", "objects", "compose", *objects)
    assert contents(work)["c"] == b"ab"


@GCLOUD.case("sign-url", not_offered="requires a service account to sign a URL")
def sign(work: Workspace) -> None:
    bucket(work, a=TEXT)
    work.run("gcloud", "storage", "sign-url", f"gs://{work.name}/a", "--duration=1h")


@GCLOUD.case("buckets notifications create, list, delete")
def notifications(work: Workspace) -> None:
    made, topic = bucket(work), f"projects/{storage.Client().project}/topics/{work.name}"
    work.run("gcloud", "pubsub", "topics", "create", work.name)
    command = ("gcloud", "storage", "buckets", "notifications")
    work.run(*command, "create", f"gs://{work.name}", "--skip-topic-setup", f"--topic={topic}")
    (config,) = made.list_notifications()
    assert f"notificationConfigs/{config.notification_id}" in work.run(*command, "list", f"gs://{work.name}")
    work.run(*command, "delete", f"projects/_/buckets/{work.name}/notificationConfigs/{config.notification_id}")
    assert not config.exists()


@GSUTIL.case("mb, cp up and down, ls -l, rb")
def gsutil_copies(work: Workspace) -> None:
    work.run("gsutil", "mb", f"gs://{work.name}")
    work.run("gsutil", "cp", work.file("large", LARGE), f"gs://{work.name}/large")
    work.run("gsutil", "cp", f"gs://{work.name}/large", work.folder / "back")
    assert (work.folder / "back").read_bytes() == LARGE
    assert f"{len(LARGE)} bytes" in work.run("gsutil", "ls", "-l", f"gs://{work.name}")
    work.run("gsutil", "rm", f"gs://{work.name}/large")
    work.run("gsutil", "rb", f"gs://{work.name}")
    with storage.Client() as client:
        assert client.lookup_bucket(work.name) is None


@GSUTIL.case("-m cp -r, mv, stat, cat, rsync, rm -r")
def gsutil_folders(work: Workspace) -> None:
    bucket(work)
    work.file("folder/a.txt", TEXT)
    work.file("folder/sub/b.txt", b"b")
    work.run("gsutil", "-m", "cp", "-r", work.folder / "folder", f"gs://{work.name}/")
    work.run("gsutil", "mv", f"gs://{work.name}/folder/a.txt", f"gs://{work.name}/folder/c.txt")
    assert contents(work) == {"folder/c.txt": TEXT, "folder/sub/b.txt": b"b"}
    assert f"{len(TEXT)}" in work.run("gsutil", "stat", f"gs://{work.name}/folder/c.txt")
    assert work.run("gsutil", "cat", f"gs://{work.name}/folder/c.txt").encode() == TEXT
    work.run("gsutil", "rsync", "-r", "-d", work.folder / "folder", f"gs://{work.name}/folder")
    assert contents(work) == {"folder/a.txt": TEXT, "folder/sub/b.txt": b"b"}
    work.run("gsutil", "rm", "-r", f"gs://{work.name}/folder")
    assert contents(work) == {}


@PYTHON.case("Client(): upload, download, list, delete")
def client(work: Workspace) -> None:
    made = bucket(work, a=TEXT, b__c=TEXT)
    made.blob("large").upload_from_filename(work.file("large", LARGE))
    assert made.blob("large").download_as_bytes() == LARGE
    assert [blob.name for blob in made.list_blobs(prefix="b/")] == ["b/c"]
    made.delete(force=True)
    with storage.Client() as other:
        assert other.lookup_bucket(work.name) is None


@GCSFS.case('pandas.read_csv("gs://...")')
def pandas_path(work: Workspace) -> None:
    import pandas

    bucket(work, t=b"a,b\n1,x\n")
    found = pandas.read_csv(f"gs://{work.name}/t")
    assert found.to_dict("records") == [{"a": 1, "b": "x"}]
