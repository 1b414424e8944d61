"""Lines as servers write them, lines spoilt in a few places, and any bytes at all."""

from datetime import datetime

from hypothesis import strategies as st

from beam_jobs.access_log.positional import PositionalFormat
from beam_jobs.access_log.times import MONTHS

_WORDS = st.text("abcXYZ019-._~%/", min_size=1, max_size=70)
_TARGETS = st.builds(
    lambda path, query: f"/{path}" if query is None else f"/{path}?{query}",
    _WORDS,
    st.none() | st.text("abc=&?%20", max_size=20),
)
_REQUESTS = st.builds(
    lambda method, target, protocol: f"{method} {target} {protocol}",
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PROPFIND"]),
    _TARGETS,
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]),
)
_ODD_REQUESTS = st.sampled_from(
    [
        "-",
        "",
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/2",
        "GET /a b HTTP/1.1",
        "get / HTTP/1.1",
        "\\x16\\x03\\x01",
    ]
)
_AGENTS = st.sampled_from(
    [
        "-",
        "",
        "curl/7.88.1",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ]
)
_ZONES = st.sampled_from(["", " +0000", " -0700", " +0530", " +1345", " -2359"])
_TIMES = st.builds(
    lambda moment, zone: f"{moment.day:02}/{MONTHS[moment.month - 1].decode()}/{moment.year}:{moment:%H:%M:%S}{zone}",
    st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31, 23, 59, 59)),  # noqa: DTZ001
    _ZONES,
)


def regular_lines(log_format: PositionalFormat) -> st.SearchStrategy[bytes]:
    """Lines that the compiled scanner must take."""
    return _lines(log_format, _REQUESTS)


def lines(log_format: PositionalFormat) -> st.SearchStrategy[bytes]:
    """Lines of the format, odd requests included, whole or spoilt, and any bytes at all; none holds a newline."""
    whole = _lines(log_format, _REQUESTS | _ODD_REQUESTS)
    return (
        whole
        | st.builds(_spoil, whole, st.lists(_EDITS, min_size=1, max_size=3))
        | st.binary(max_size=300).map(lambda line: line.replace(b"\n", b" "))
    )


def blocks(log_format: PositionalFormat) -> st.SearchStrategy[bytes]:
    """Blocks of such lines with either line end, blank lines, and now and then no newline at the end."""
    ended = st.tuples(lines(log_format) | st.sampled_from([b"", b" \t", b"\r"]), st.sampled_from([b"\n", b"\r\n"]))
    return st.builds(
        lambda pairs, last: b"".join(line + end for line, end in pairs) + last,
        st.lists(ended, max_size=8),
        st.just(b"") | lines(log_format),
    )


def _lines(log_format: PositionalFormat, requests: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    fields = {
        "remote_addr": st.sampled_from(["192.0.2.1", "2001:db8::8a2e:370:7334", "client.example.net", "-"]),
        "ident": st.sampled_from(["-", "identity"]),
        "remote_user": st.sampled_from(["-", "alice", "a@example.org"]),
        "time": _TIMES,
        "request": requests,
        "status": st.integers(100, 599).map(str) | st.just("-"),
        "body_bytes_sent": st.integers(0, 10**8 - 1).map(str) | st.sampled_from(["-", "0", "007"]),
        "referer": st.just("-") | _WORDS.map(lambda words: f"http://example.org/{words}"),
        "user_agent": _AGENTS,
    }
    return st.fixed_dictionaries(fields).map(lambda values: log_format.template.format(**values).encode())


_SINGLE = [bytes([byte]) for byte in b" []?-/\0\t\r\xff"]
_PIECES = [*_SINGLE, b'"', b"\\", b'\\"', b"\\\\", b"\xc3\xa9", b"60", b"9" * 20]
_EDITS = st.tuples(
    st.integers(0, 400),
    st.integers(0, 4),
    st.sampled_from(_PIECES) | st.binary(max_size=2).map(lambda piece: piece.replace(b"\n", b"")),
)


def _spoil(line: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for place, removed, put in edits:
        at = place % (len(line) + 1)
        line = line[:at] + put + line[at + removed :]
    return line
