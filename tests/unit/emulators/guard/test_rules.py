"""Which requests are refused, as whom a browser would send them."""

import pytest

from emulators.guard.rules import Guard

JOBS = "/bigquery/v2/projects/p/jobs"
UPLOAD = "/upload/storage/v1/b/b/o"
JSON = {"content-type": "application/json", "content-length": "2"}


def refusal(method: str = "GET", target: str = JOBS, host: str = "127.0.0.1:9050", **headers: str) -> str | None:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Guard(["dataflow"]).refusal(method, target, {"host": host, **given})


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:9050",
        "127.8.8.8:1",
        "localhost",
        "LOCALHOST:80",
        "[::1]:9050",
        "a.localhost:1",
        "dataflow:9",
    ],
)
def test_names_of_this_machine_and_of_the_stack_pass(host: str) -> None:
    assert refusal(host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "evil.example:9050", "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost"),
        *(
            "0.0.0.0:9050",
            "192.168.1.7",
            "[::]:9050",
            "[fe80::1]",
            "127.0.0.1@evil.example",
            "bigquery:9050",
            "[",
            ":80",
        ),
        *("localhost:port", "localhost:1:2", "[]", "[]:80", "user@localhost", "2130706433"),
    ],
)
def test_other_names_are_refused(host: str) -> None:
    assert str(refusal(host=host)).startswith(f"Host {host!r} is refused: call this emulator by a loopback name")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "https://127.0.0.1:9050", "http://127.0.0.1:8080", "http://127.0.0.1:9050"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_origin_is_refused(method: str, origin: str) -> None:
    assert f"Origin {origin!r} is refused" in str(refusal(method, origin=origin))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "anything"])
def test_every_page_is_refused_to_read_and_to_write(site: str) -> None:
    for headers in ({}, {"sec_fetch_mode": "no-cors"}, {"sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}):
        for method in ("GET", "POST"):
            assert f"Sec-Fetch-Site {site!r} is refused" in str(refusal(method, sec_fetch_site=site, **headers))


def test_a_user_may_type_an_address_and_follow_a_link_of_this_machine() -> None:
    navigates = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert refusal(sec_fetch_site="none", **navigates) is None
    assert refusal(sec_fetch_site="same-site", **navigates) is None
    assert refusal("POST", sec_fetch_site="same-site", **navigates) is not None
    assert refusal(sec_fetch_site="cross-site", **navigates) is not None


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            "text/plain",
            "text/plain;charset=UTF-8",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ),
        *("", "text/plain; application/json", "application/jsonp"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_bodies_that_a_page_may_send_unasked_are_refused(method: str, content_type: str) -> None:
    wanted = f"Content-Type {content_type!r} is refused: send application/json."
    assert refusal(method, content_type=content_type, content_length="2") == wanted
    assert refusal(method, content_type=content_type, transfer_encoding="chunked") == wanted
    assert refusal(method, UPLOAD, content_type=content_type, content_length="2") is None


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "multipart/related; boundary='=='", "multipart/mixed"],
)
def test_what_googles_clients_send_passes(content_type: str) -> None:
    assert refusal("POST", content_type=content_type, content_length="2") is None


def test_a_request_without_a_body_needs_no_type() -> None:
    for method in ("GET", "DELETE", "POST"):
        assert refusal(method) is None
        assert refusal(method, content_length="0") is None
