"""What a look at an object's first bytes decides."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from beam_jobs.backfill import source_blocks
from beam_jobs.backfill.options import BackfillSettings, parse_backfill_options
from beam_jobs.backfill.source_blocks import SourceBlock, plan_blocks, read_blocks
from beam_jobs.output.records import SourceWarning
from beam_jobs.storage.files import list_objects, read_range
from beam_jobs.storage.objects import InputError, InputErrorType, StoredObject

COMMON = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5\n'
COMBINED = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"\n'
ARTICLE = b'192.0.2.1 - - [17/May/2015:10:05:03] "GET /a HTTP/1.1" [200] 5 "http://a/" "curl/8"\n'


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.log", content)
    return file.getvalue()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def tar_gz(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x.log"), io.BytesIO(content))
    return file.getvalue()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "zip": zipped,
}


def settings(log_format: str, block_bytes: int) -> BackfillSettings:
    given, _ = parse_backfill_options(["--source=unused", "--output=unused", "--run_id=unused"])
    return replace(given, log_format=log_format, block_bytes=block_bytes, max_line_bytes=1000)


def stored(folder: Path, content: bytes, name: str = "x.log") -> StoredObject:
    (folder / name).write_bytes(content)
    return list_objects(f"{folder}/{name}")[0]


@pytest.mark.parametrize(("line", "name"), [(COMMON, "common"), (COMBINED, "combined"), (ARTICLE, "article")])
@pytest.mark.parametrize("compression", COMPRESS)
def test_the_format_is_told_from_the_first_lines(tmp_path: Path, line: bytes, name: str, compression: str) -> None:
    source = stored(tmp_path, COMPRESS[compression](line * 5000))
    found, tasks = plan_blocks(source, settings("auto", 100_000))
    assert found.log_format == name
    assert {task.log_format for task in tasks} == {name}
    assert {task.compression for task in tasks} == {compression or None}


def test_a_plain_object_is_divided_and_a_gzip_object_is_not(tmp_path: Path) -> None:
    _, tasks = plan_blocks(stored(tmp_path, COMMON * 100), settings("auto", 1000))
    assert [(task.start, task.end) for task in tasks] == [
        (start, min(start + 1000, len(COMMON) * 100)) for start in range(0, len(COMMON) * 100, 1000)
    ]
    compressed = gzip.compress(COMMON * 100, mtime=0)
    _, (task,) = plan_blocks(stored(tmp_path, compressed), settings("auto", 10))
    assert (task.start, task.end) == (0, len(compressed))


def test_magic_bytes_tell_gzip_and_not_the_name(tmp_path: Path) -> None:
    _, (plain,) = plan_blocks(stored(tmp_path, COMMON, "x.log.gz"), settings("auto", 1000))
    _, (compressed,) = plan_blocks(stored(tmp_path, gzip.compress(COMMON, mtime=0), "x.log"), settings("auto", 1000))
    assert (plain.compression, compressed.compression) == (None, "gzip")


@pytest.mark.parametrize("compression", [name for name in COMPRESS if name])
def test_a_compressed_object_is_read_in_blocks_of_lines(tmp_path: Path, compression: str) -> None:
    content = COMMON * 1000
    _, (task,) = plan_blocks(stored(tmp_path, COMPRESS[compression](content)), settings("common", 1))
    blocks = [block for block in read_blocks(task, settings("common", 10_000)) if isinstance(block, SourceBlock)]
    assert b"".join(block.data for block in blocks) == content
    assert [block.offset for block in blocks] == [
        sum(len(block.data) for block in blocks[:number]) for number in range(len(blocks))
    ]


def test_a_compressed_object_is_read_in_large_requests_and_counted_as_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = random.Random(1)
    lines = b"".join(COMMON.replace(b"/a", b"/" + paths.randbytes(50).hex().encode()) for _ in range(60_000))
    source = stored(tmp_path, gzip.compress(lines, 1))
    _, (task,) = plan_blocks(source, settings("common", 1))
    requests = []

    def read(of: StoredObject, start: int, end: int) -> bytes:
        requests.append((start, end))
        return read_range(of, start, end)

    assert source_blocks._RANGE_BYTES == 16 << 20
    monkeypatch.setattr(source_blocks, "read_range", read)
    monkeypatch.setattr(source_blocks, "_RANGE_BYTES", 400_000)
    blocks = [block for block in read_blocks(task, settings("common", 1 << 20)) if isinstance(block, SourceBlock)]
    assert requests == [(start, min(start + 400_000, source.size)) for start in range(0, source.size, 400_000)]
    read_until = [sum(block.source_bytes for block in blocks[: number + 1]) for number in range(len(blocks))]
    assert read_until == sorted(read_until)
    assert 0 < read_until[0] < read_until[-1] <= source.size


def test_what_follows_a_gzip_stream_is_left_out_and_said(tmp_path: Path) -> None:
    _, (task,) = plan_blocks(stored(tmp_path, gzip.compress(COMMON) + b"rubbish"), settings("auto", 1))
    block, warning = read_blocks(task, settings("auto", 10_000))
    assert block == SourceBlock(0, COMMON, task.stored.size)
    assert warning == SourceWarning("7 bytes behind the gzip stream are left out: they are not gzip")


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_object_has_no_blocks_and_no_format(tmp_path: Path, content: bytes) -> None:
    found, tasks = plan_blocks(stored(tmp_path, content), settings("auto", 1000))
    assert (found.log_format, tasks) == (None, [])
    assert plan_blocks(stored(tmp_path, content), settings("common", 1000))[0].log_format == "common"


@pytest.mark.parametrize("content", [b"\n \n\r\n", gzip.compress(b"\n\n", mtime=0)])
def test_blank_lines_alone_are_read(tmp_path: Path, content: bytes) -> None:
    _, tasks = plan_blocks(stored(tmp_path, content), settings("auto", 1000))
    assert len(tasks) == 1


@pytest.mark.parametrize(
    ("content", "error_type", "message"),
    [
        (bytes(range(256)) * 100, InputErrorType.UNKNOWN_FORMAT, "not an access log"),
        (b"a,b\n1,2\n", InputErrorType.UNKNOWN_FORMAT, "not an access log"),
        (gzip.compress(bytes(range(256)) * 100), InputErrorType.UNKNOWN_FORMAT, "not an access log"),
        (gzip.compress(COMMON * 100, mtime=0)[:60], InputErrorType.TRUNCATED_GZIP, "ends too early"),
        (gzip.compress(COMMON, mtime=0)[:10] + b"\xff" * 200, InputErrorType.CORRUPT_GZIP, "damaged"),
        (zstd(COMMON * 100)[:-9], InputErrorType.TRUNCATED, "the zstd stream ends too early; upload it again"),
        (bz2.compress(COMMON)[:20] + b"\xff" * 200, InputErrorType.CORRUPT, "the bzip2 stream is damaged"),
        (tar_gz(b""), InputErrorType.UNSUPPORTED, "is a tar archive in gzip; unpack it"),
        (gzip.compress(gzip.compress(COMMON)), InputErrorType.UNSUPPORTED, "is compressed twice"),
    ],
)
def test_what_cannot_be_read_is_said_when_planning(
    tmp_path: Path, content: bytes, error_type: InputErrorType, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        plan_blocks(stored(tmp_path, content), settings("auto", 1000))
    assert caught.value.error_type is error_type
    assert caught.value.source_uri == f"{tmp_path}/x.log"
    assert "\n" not in str(caught.value)


def test_a_named_format_is_not_questioned(tmp_path: Path) -> None:
    found, tasks = plan_blocks(stored(tmp_path, bytes(range(256))), settings("common", 1000))
    assert (found.log_format, len(tasks)) == ("common", 1)
