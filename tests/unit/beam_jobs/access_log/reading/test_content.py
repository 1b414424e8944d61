"""Files of every compression give the bytes that went in; damage, other kinds of files and bombs are one line each."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import random
import tarfile
import threading
import zipfile
from collections.abc import Callable
from typing import IO, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip_lib

from beam_jobs.access_log.reading.compression import Compression
from beam_jobs.access_log.reading.content import Content
from beam_jobs.access_log.reading.content_errors import ContentError, CorruptError, TruncatedError, UnsupportedError
from beam_jobs.access_log.reading.line_blocks import READ_STEP
from beam_jobs.access_log.reading.range_file import RangeFile

LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "curl/8.5.0"\n'


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def tar(*members: tuple[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def damaged(data: bytes, position: int) -> bytes:
    copy = bytearray(data)
    copy[position] ^= 0xFF
    return bytes(copy)


COMPRESS: dict[Compression | None, Callable[[bytes], bytes]] = {
    None: bytes,
    Compression.GZIP: lambda data: gzip.compress(data, mtime=0),
    Compression.BZIP2: bz2.compress,
    Compression.XZ: lzma.compress,
    Compression.ZSTD: zstd,
    Compression.ZIP: lambda data: zipped(("access.log", data)),
}
COMPRESSED = [compression for compression in COMPRESS if compression]
STREAMS = [compression for compression in COMPRESSED if compression is not Compression.ZIP]


class Pipe(io.BytesIO):
    """Bytes that come a few at a time and cannot be read twice, as from another program."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self._most, size if size is not None and size >= 0 else self._most))

    def seekable(self) -> bool:
        return False

    def seek(self, *_arguments: int) -> int:
        raise io.UnsupportedOperation


def ranges(data: bytes) -> RangeFile:
    return RangeFile(lambda start, end: data[start:end], len(data))


def read(data: bytes, open_file: Callable[[bytes], IO[bytes]] = io.BytesIO) -> bytes:
    return b"".join(Content(open_file(data)))


def refusal(data: bytes) -> str:
    with pytest.raises(ContentError) as caught:
        read(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("compression", COMPRESS)
@given(data=st.binary(max_size=300), most=st.integers(1, 700))
def test_what_went_in_comes_out_however_it_arrives(compression: Compression | None, data: bytes, most: int) -> None:
    # As a log begins: any bytes at all might be the signature of another file.
    whole = b"log " + data
    compressed = COMPRESS[compression](whole)
    assert Content(io.BytesIO(compressed)).compression is compression
    assert read(compressed) == whole
    assert read(compressed, lambda data: Pipe(data, most)) == whole
    assert read(compressed, lambda data: ranges(data)) == whole  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("compression", STREAMS)
@given(members=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4), most=st.integers(1, 64))
def test_members_follow_each_other(compression: Compression, members: list[bytes], most: int) -> None:
    members[0] = b"log " + members[0]
    data = b"".join(map(COMPRESS[compression], members))
    content = Content(Pipe(data, most))
    assert b"".join(content) == b"".join(members)
    assert content.warning is None


@pytest.mark.parametrize("compression", COMPRESSED)
@given(data=st.data())
def test_any_cut_is_told(compression: Compression, data: st.DataObject) -> None:
    whole = COMPRESS[compression](LINE * 3)
    # As few bytes as these are a plain file of unknown content.
    fewest = {Compression.BZIP2: 10, Compression.XZ: 6}.get(compression, 4)
    cut = whole[: data.draw(st.integers(fewest, len(whole) - 1))]
    with pytest.raises(TruncatedError, match=f"the {compression} stream ends too early"):
        read(cut)


@pytest.mark.parametrize("compression", COMPRESSED)
@given(data=st.data())
def test_a_changed_byte_raises_nothing_but_errors_of_content(compression: Compression, data: st.DataObject) -> None:
    whole = COMPRESS[compression](LINE * 3)
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:position] + bytes([data.draw(st.integers(0, 255))]) + whole[position + 1 :]
    with contextlib.suppress(ContentError):
        read(changed)


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.BZIP2, Compression.XZ])
@given(data=st.binary(max_size=100), most=st.integers(1, 300))
def test_any_bytes_behind_the_signature_are_read_or_refused(compression: Compression, data: bytes, most: int) -> None:
    with contextlib.suppress(ContentError):
        read(COMPRESS[compression](b"")[:10] + data, lambda data: Pipe(data, most))


def test_damage_is_told() -> None:
    for compression in COMPRESSED:
        data = COMPRESS[compression](b"log " + random.Random(1).randbytes(6000).hex().encode())
        # Without a checksum, zstd notices only what is wrong with its tables.
        position = 6 if compression is Compression.ZSTD else 1500
        with pytest.raises(CorruptError, match=f"the {compression} stream is damaged"):
            read(data[:position] + b"\xff" * 1000 + data[position + 1000 :])


@pytest.mark.parametrize("position", [-1, -5, 12, 40])
def test_damage_of_a_gzip_is_told_wherever_it_is(position: int) -> None:
    with pytest.raises((CorruptError, TruncatedError)):
        read(damaged(gzip.compress(bytes(range(256)) * 4, mtime=0), position))


def test_isal_checks_the_checksum() -> None:
    with pytest.raises(igzip_lib.IsalError):
        igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP).decompress(damaged(gzip.compress(b"a\n", mtime=0), -8))


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.BZIP2, Compression.XZ])
@given(rubbish=st.binary(min_size=1, max_size=50), padding=st.integers(0, 9), most=st.integers(1, 300))
def test_rubbish_behind_a_stream_is_left_out_and_said(
    compression: Compression, rubbish: bytes, padding: int, most: int
) -> None:
    rubbish = b"r" + rubbish
    content = Content(Pipe(COMPRESS[compression](LINE) + bytes(padding) + rubbish, most))
    assert b"".join(content) == LINE
    assert content.warning == (
        f"{len(rubbish)} bytes behind the {compression} stream are left out: they are not {compression}"
    )


def test_padding_behind_a_stream_is_no_rubbish() -> None:
    content = Content(io.BytesIO(gzip.compress(LINE) + bytes(1000)))
    assert (b"".join(content), content.warning) == (LINE, None)


def test_rubbish_behind_a_zstd_stream_is_refused_as_zstd_does() -> None:
    assert refusal(zstd(LINE) + b"something else") == "the zstd stream is damaged (Unknown frame descriptor)"


@pytest.mark.parametrize("compression", COMPRESSED)
def test_a_bomb_comes_in_small_pieces(compression: Compression) -> None:
    sizes = [len(piece) for piece in Content(io.BytesIO(COMPRESS[compression](b"x" * 50_000_000)))]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= READ_STEP + 512


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tar(("access.log", LINE)), "is a tar archive; unpack it and pass the files in it"),
        (tar(("a.log", LINE), mode="w:gz"), "is a tar archive in gzip; unpack it and pass the files in it"),
        (tar(("a.log", LINE), mode="w:xz"), "is a tar archive in xz; unpack it and pass the files in it"),
        (zstd(tar(("a.log", LINE))), "is a tar archive in zstd; unpack it and pass the files in it"),
        (gzip.compress(gzip.compress(LINE)), "is compressed twice, gzip in gzip; decompress it once"),
        (zipped(("a.gz", gzip.compress(LINE))), "is compressed twice, gzip in zip; decompress it once"),
        (zipped(("a", LINE), ("b", LINE)), "is a zip file of 2 files; unpack it and pass the files in it"),
        (zipped(), "is a zip file without a file in it"),
        (zipped(("a", LINE), method=zipfile.ZIP_LZMA), "is a zip file with compression method 14; unpack it first"),
        (LINE.decode().encode("utf-16"), "is text in UTF-16; convert it to UTF-8 first: iconv -f UTF-16 -t UTF-8"),
        (LINE.decode().encode("utf-16-le"), "is text in UTF-16LE; convert"),
        (LINE.decode().encode("utf-16-be"), "is text in UTF-16BE; convert"),
        (LINE.decode().encode("utf-32"), "is text in UTF-32; convert it to UTF-8 first: iconv -f UTF-32 -t UTF-8"),
        (b"PAR1\x15\x04\x15\x00", "is a Parquet file; it holds no lines of text"),
        (b"ORC\x0a\x03\x00", "is an ORC file; it holds no lines of text"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "is a 7-Zip archive; unpack it and pass the files in it"),
        (b"\x04\x22\x4d\x18\x64\x40", "is an lz4 file; decompress it first"),
        (b"LPKSHHRH\0\0", "is a journal of systemd; pass the output of journalctl --output cat"),
    ],
)  # fmt: skip
def test_files_of_other_kinds_are_named(data: bytes, message: str) -> None:
    assert refusal(data).startswith(message)


def test_a_tar_archive_without_a_signature_is_named() -> None:
    archive = bytearray(tar(("access.log", LINE)))
    archive[257:265] = bytes(8)  # as tar wrote it before POSIX
    archive[148:156] = b"%06o\0 " % (sum(archive[:148]) + 8 * 32 + sum(archive[156:512]))
    assert "is a tar archive" in refusal(bytes(archive))


@pytest.mark.parametrize(
    "data",
    [
        b"ORCA.example.com:80 " + LINE,
        b"PAR1.example.com:80 " + LINE,
        b"LZIP " + LINE,
        b"\0" * 4096 + LINE,
        "http://例え.テスト/ ".encode() * 100,
        b"\xef\xbb\xbf" + LINE,
        bytes(range(256)) * 4,
    ],
)
def test_lines_that_look_like_other_files_are_read(data: bytes) -> None:
    assert read(data) == data


def test_what_macos_adds_to_a_zip_is_passed_over() -> None:
    data = zipped(
        ("logs/", b""), ("logs/access.log", LINE), ("__MACOSX/logs/._access.log", b"\0\5\x16"), ("logs/.DS_Store", b"x")
    )
    assert read(data) == LINE


def test_an_encrypted_zip_is_named() -> None:
    data = bytearray(zipped(("access.log", LINE)))
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + flags] |= 1
    assert refusal(bytes(data)) == "is an encrypted zip file; unpack it first"


def test_memory_that_a_header_asks_for_is_limited() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    assert "Memory usage limit" in refusal(lzma.compress(LINE, filters=filters))


def test_a_zstd_window_beyond_measure_is_refused() -> None:
    window_of_2_gib = b"\x28\xb5\x2f\xfd\0" + bytes([21 << 3])  # RFC 8878, 3.1.1.1.2
    assert "without --long" in refusal(window_of_2_gib + b"\x09\0\0a")


def test_errors_of_the_file_itself_come_through() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise PermissionError(13, "Permission denied")
            return super().read(size)

    for compression in STREAMS:
        half = COMPRESS[compression](random.Random(1).randbytes(4000))[:2000]
        with pytest.raises(PermissionError):
            read(half, Broken)


def test_a_pipe_of_the_operating_system_is_read() -> None:
    for compression in COMPRESSED:
        data = COMPRESS[compression](random.Random(1).randbytes(300_000))
        reading, writing = os.pipe()

        def write(data: bytes = data, writing: int = writing) -> None:
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(data)

        writer = threading.Thread(target=write)
        writer.start()
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            assert b"".join(Content(pipe)) == random.Random(1).randbytes(300_000)
        writer.join()


def test_an_unsupported_file_is_no_damaged_one() -> None:
    with pytest.raises(UnsupportedError):
        read(tar(("a", LINE)))


def test_members_are_not_given_all_that_follows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    make = igzip_lib.IgzipDecompressor
    given: list[int] = []

    class Counting:
        def __init__(self, **options: Any) -> None:
            self._member = make(**options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._member, name)

        def decompress(self, data: Any, max_length: int = -1) -> bytes:
            given.append(len(data))
            return self._member.decompress(data, max_length)

    monkeypatch.setattr(igzip_lib, "IgzipDecompressor", Counting)
    members = 10_000
    data = gzip.compress(b"") * members
    assert b"".join(Content(io.BytesIO(data))) == b""
    assert len(given) == members
    # What is given and not used is copied when a member ends.
    assert max(given) < len(data) / 10
