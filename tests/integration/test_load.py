"""`logline load` into the emulated Cloud Storage: each file once, nothing overwritten by chance."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.running import RunningStack

pytestmark = pytest.mark.integration


def load(stack: RunningStack, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as in a container of the emulators: by their variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGLINE_")}
    return subprocess.run(
        [sys.executable, "-m", "logline_cli", "load", *arguments],
        env=environment | {name: stack.env[name] for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_files_are_uploaded_once_and_replaced_only_when_told(emulators: RunningStack, tmp_path: Path) -> None:
    bucket = "load-test"
    with emulators.storage() as client:
        client.create_bucket(bucket)
        small, large = tmp_path / "site" / "a.log", tmp_path / "site" / "b.log.gz"
        small.parent.mkdir()
        small.write_text("a line\n")
        large.write_bytes(os.urandom(20 << 20))  # more than Google's client sends in one request

        first = load(emulators, small.parent, "--bucket", bucket)
        assert first.returncode == 0, first.stderr
        assert first.stdout.splitlines() == [
            f"{small} -> gs://{bucket}/loaded/site/a.log (7 bytes)",
            f"{large} -> gs://{bucket}/loaded/site/b.log.gz (20,971,520 bytes)",
            f"read them into the tables: logline backfill --source 'gs://{bucket}/loaded/site/**'",
        ]
        found = {blob.name: blob for blob in client.list_blobs(bucket)}
        assert found["loaded/site/b.log.gz"].download_as_bytes() == large.read_bytes()
        assert {blob.content_type for blob in found.values()} == {"text/plain", "application/gzip"}
        assert {blob.content_encoding for blob in found.values()} == {None}

        again = load(emulators, small.parent, "--bucket", bucket)
        assert again.stdout.count("(there already)") == 2

        small.write_text("another line\n")
        refused = load(emulators, small.parent, "--bucket", bucket)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"error: gs://{bucket}/loaded/site/a.log is there with another content than {small}: give --replace, or "
            "another --prefix to keep both\n"
        )
        replaced = load(emulators, small, "--prefix", "loaded/site", "--bucket", bucket, "--replace")
        assert replaced.returncode == 0, replaced.stderr
        assert client.bucket(bucket).blob("loaded/site/a.log").download_as_bytes() == b"another line\n"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["nowhere.log", "--bucket", "b"], 1, "error: nowhere.log: there is no such file or folder"),
        (
            [__file__, "--bucket", "no-such-bucket"],
            1,
            "error: bucket no-such-bucket does not exist: correct it, or run",
        ),
        (
            [__file__, "--bucket", "no-such-bucket", "--log-format", "combined"],
            2,
            "--log-format is how a backfill reads the files: give --backfill too",
        ),
        (
            [__file__, "--bucket", "no-such-bucket", "--backfill", "--airflow-url", "http://127.0.0.1:1"],
            2,
            "nothing says how to log in at http://127.0.0.1:1",  # before anything is uploaded
        ),
        (
            [__file__],
            2,
            "nothing says which bucket: start the local stack (make up), or give --bucket or set LOGLINE_BUCKET",
        ),
    ],
)
def test_a_mistake_is_one_line(emulators: RunningStack, arguments: list[str], code: int, line: str) -> None:
    done = load(emulators, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(line), done.stderr
    assert len(done.stderr.splitlines()) == 1
