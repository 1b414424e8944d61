"""Bodies of uploads and batches as clients send them."""

import pytest

from emulators.storage.errors import StorageError
from emulators.storage.requests import Call


def call(body: bytes = b"", query: str = "", **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call.of("POST", "/b/logs/o", query, named, body)


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("line", [b"\r\n", b"\n"], ids=["CR LF", "LF"])
@pytest.mark.parametrize("content", [b"", b"x", b"a\r\nb\n\n--not the end\r\n", bytes(range(256))])
def test_a_multipart_upload(quote: str, line: bytes, content: bytes) -> None:
    lines = [b"--==b==", b"Content-Type: application/json", b"", b'{"name": "a"}']
    lines += [b"--==b==", b"Content-Type: text/x", b"", content, b"--==b==--", b""]
    request = call(line.join(lines), content_type=f"multipart/related; boundary={quote}==b=={quote}")
    assert request.resource_and_content() == ({"name": "a", "contentType": "text/x"}, content)


@pytest.mark.parametrize("body", [b"", b"--b\r\n\r\n{}", b"--b\r\n\r\n{}\r\n--b--"])
def test_a_broken_multipart_upload_is_refused(body: bytes) -> None:
    with pytest.raises(StorageError):
        call(body, content_type="multipart/related; boundary=b").resource_and_content()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes 0-9/*", (0, None)),
        ("bytes 10-19/20", (10, 20)),
        ("bytes */20", (None, 20)),
        ("bytes */*", (None, None)),
        ("bytes 5-*/9", (5, 9)),
    ],
)
def test_content_ranges(header: str, expected: tuple[int | None, int | None]) -> None:
    assert call(content_range=header).content_range() == expected


def test_a_body_without_a_range_is_the_whole() -> None:
    assert call(b"abc").content_range() == (0, 3)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(StorageError):
        call(query="ifGenerationMatch=now").conditions()
