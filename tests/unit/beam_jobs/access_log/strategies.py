"""Lines as servers write them, lines spoilt in a few places, and any bytes at all."""

from datetime import datetime

from hypothesis import strategies as st

from beam_jobs.access_log.formats.fields import MONTHS
from beam_jobs.access_log.formats.template import TemplateFormat

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
        "- - -",
        "- - - ",
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
_MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(2199, 12, 29, 23, 59, 59))  # noqa: DTZ001
# All of them lie in the years from 1970 to 2199 in UTC too.
_TIMES = st.builds(
    lambda moment, zone: f"{moment.day:02}/{MONTHS[moment.month - 1].decode()}/{moment.year}:{moment:%H:%M:%S}{zone}",
    _MOMENTS,
    _ZONES,
)
_ISO_TIMES = st.builds(
    lambda moment, fraction, zone: f"{moment.isoformat('T', 'seconds')}{fraction}{zone}",
    _MOMENTS,
    st.sampled_from(["", ".5", ".123", ".000001", ",123456789"]),
    st.sampled_from(["", "Z", "+00:00", "-07:00", "+0530", "-23:59"]),
)
_DURATIONS = st.sampled_from(["0", "0.000", "0.001", "12.3456789", "123456", "-"])
_FIELDS = {
    "remote_addr": st.sampled_from(["192.0.2.1", "2001:db8::8a2e:370:7334", "client.example.net", "-"]),
    "remote_addr_port": st.sampled_from(["192.0.2.1:4711", "2001:db8::1:80", "[2001:db8::1]:80", "192.0.2.1", "-"]),
    "client_list": st.sampled_from(
        ["192.0.2.1", "203.0.113.8, 198.51.100.7", "2001:db8::1,192.0.2.1", "-", "a.example"]
    ),
    "forwarded_for": st.sampled_from(["-", "203.0.113.8", "203.0.113.8, 2001:db8::2"]),
    "ident": st.sampled_from(["-", "identity"]),
    "remote_user": st.sampled_from(["-", "alice", "a@example.org"]),
    "time": _TIMES,
    "time_iso8601": _ISO_TIMES,
    "time_epoch_s": st.sampled_from(["0", "1431857103", "1431857103.123", "7258118399.999999"]),
    "time_epoch_ms": st.sampled_from(["0", "1431857103123"]),
    "time_epoch_us": st.sampled_from(["0", "1431857103123456"]),
    "date": _MOMENTS.map(lambda moment: f"{moment.date().isoformat()}"),
    "clock": _MOMENTS.map(lambda moment: f"{moment:%H:%M:%S}"),
    "request": _REQUESTS,
    "request_url": st.builds(
        lambda method, host, target: f"{method} {host}{target} HTTP/1.1",
        st.sampled_from(["GET", "POST"]),
        st.sampled_from(["https://www.example.com:443", "http://example.org", "http://:80", ""]),
        _TARGETS,
    ),
    "method": st.sampled_from(["GET", "POST", "-"]),
    "target": _TARGETS,
    "path": _WORDS,
    "query": st.sampled_from(["-", "a=b", "x"]),
    "question_query": st.sampled_from(["?a=b", "?", ""]),
    "protocol": st.sampled_from(["HTTP/1.1", "HTTP/2.0", "-"]),
    "status": st.integers(100, 999).map(str) | st.just("-"),
    "body_bytes_sent": st.integers(0, 10**18 - 1).map(str) | st.sampled_from(["-", "0", "007"]),
    "referer": st.just("-") | _WORDS.map(lambda words: f"http://example.org/{words}"),
    "user_agent": _AGENTS,
    "referer_encoded": st.just("-") | _WORDS.map(lambda words: f"http://example.org/{words}"),
    "user_agent_encoded": st.sampled_from(["-", "curl/7.88.1", "Mozilla/5.0%20(X11;%20Linux)", "a%20%C3%A9%ff%4"]),
    "host": st.sampled_from(["example.org", "www.example.com", "-"]),
    "host_port": st.sampled_from(["example.org:80", "[2001:db8::1]:443", "-"]),
    "duration_s": _DURATIONS,
    "duration_ms": _DURATIONS,
    "duration_us": st.sampled_from(["0", "123456", "-"]),
    "duration_fraction_s": st.sampled_from(["0.000", "12.345", "-"]),
    "duration_padded_ms": st.sampled_from(["     0", "   156", "123456", "-"]),
    "duration_w3c": st.sampled_from(["46", "0.046", "0", "-"]),
    "duration_part_s": st.sampled_from(["0.001", "-1", "0.000", "12.345678"]),
    "upstream": st.sampled_from(["0.012", "-", "10.0.0.1:8080"]),
    "upstream_times": st.sampled_from(["0.012", "-", "1.000"]),
    "number": st.sampled_from(["0", "-", "4711", "9" * 18]),
    "ratio": st.sampled_from(["3.21", "-"]),
    "word": st.sampled_from(["GET", "a:b", "-"]),
    "url": st.builds(
        lambda host, target: f"{host}{target}",
        st.sampled_from(["https://www.example.com:443", "http://example.org", ""]),
        _TARGETS,
    ),
    "virtual_host": st.sampled_from(["www.example.com", "_", "192.0.2.1", "-"]),
    "host_name": st.sampled_from(["www.example.com", "_", "-"]),
    "zone": st.sampled_from(["+0000", "-0230", "+05:30"]),
    "user_agent_plus": st.sampled_from(["-", "curl/8.5.0", "Mozilla/5.0+(Windows+NT+10.0)"]),
    "tail": st.sampled_from(["0.001 -", "-", "x y"]),
    "skipped": st.sampled_from(["-", "x", "0.5", "a:b"]),
    "value": st.sampled_from(["-", "x", "0.5", "a:b|c", "[]"]),
    "rest": st.sampled_from(["x", '"a b" - 7', "-"]),
}
# The same fields in other dress, which the scanner may leave to the reference reader.
_ODD_FIELDS = {
    "remote_addr": st.sampled_from(
        [
            "",
            "a b",
            '"x',
            "1.2.3",
            "1.2.3.256",
            "01.2.3.004",
            "1:2",
            "::",
            "1::2::3",
            "fe80::1%eth0",
            "::ffff:1.2.3.4",
            "a.1",
            "a.",
            "-a",
            "_",
            "unix:",
            "1.2.3.4:80",
            "1.2.3.4,5.6.7.8",
            "\0x",
            "0001.1.1.1",
        ]
    ),
    "remote_addr_port": st.sampled_from([":80", "[::1]", "[a]:80", "a:b", "1.2.3.4:", "::1", "1.2.3.4:80:90"]),
    "client_list": st.sampled_from(
        ["1.2.3.4,", ", 1.2.3.4", "unknown, 1.2.3.4", "1.2.3.4:80, ::1", "a, b", "1.2.3.4 , ::1"]
    ),
    "forwarded_for": st.sampled_from(["unknown", "a", "1.2.3.4:80", "1.2.3.4  ,  ::1", ",", "\\x22"]),
    "remote_user": st.sampled_from(
        [
            "John Doe",
            '""',
            "caf\u00e9",
            "- -",
            "a -",
            "- b",
            "a - b",
            "a-b",
            'a"b',
            'a\\"b',
            "a\tb",
            "[a",
            "a [b]",
            "a[b]",
        ]
    ),
    "request_url": st.sampled_from(
        ["GET x://h:1:2/ HTTP/1.1", "GET http://u:p@h/ HTTP/1.1", "GET http://a<b>/ HTTP/1.1", "- - - "]
    ),
    "protocol": st.sampled_from(["HTTP", "https", "HTTP/2", "HTTP/1.", "SPDY/3.1", "HTTP/1.1\tx"]),
    "host": st.sampled_from(["a b", "[::1]", "[::1]:80", "a[", '"', "\0", "a,b", "[x]"]),
    "host_name": st.sampled_from(["192.0.2.1", "2001:db8::1", "a:80", "1.2.3"]),
    "virtual_host": st.sampled_from(["a:80", "1.2.3", "[::1]"]),
    "number": st.sampled_from(["1.5", "x", "9" * 19, "+1"]),
    "ratio": st.sampled_from(["3", "3.", ".3", "1234567890.1"]),
    "word": st.sampled_from(["a b", "(x)", '"x"', "\x7f"]),
    "upstream_times": st.sampled_from(["0.001, 0.002", "0.001 : -", "1", "0.1,0.2"]),
    "duration_fraction_s": st.sampled_from(["1", "1.", ".5"]),
    "duration_us": st.sampled_from(["0.5", "x"]),
    "duration_padded_ms": st.sampled_from(["", "  ", "1 2"]),
    "zone": st.sampled_from(["UTC", "CET", "+2500", ""]),
    "url": st.sampled_from(["http://[::1]/x", "example.com:443", "-", "://", "http://a:b/"]),
    "user_agent_encoded": st.sampled_from(["a%2520b", "a%25%20b"]),
    "value": st.sampled_from(["", "a b", "a\tb"]),
    "tail": st.sampled_from(['"x"', "", '5 "x" y', "5 x", '5 "', "5 "]),
    "request": _ODD_REQUESTS,
    "upstream": st.sampled_from(["0.1, 0.2", "0.1 : 0.2", ""]),
    "query": st.just(""),
    "path": st.just(""),
    "duration_s": st.sampled_from(["", "1.", ".5", "-1", "9" * 15, "123456789012.5"]),
    "time": st.sampled_from(
        [
            "31/Dec/2016:23:59:60 +0000",
            "17/May/2015:10:05:03 -x",
            "-",
            "17/May/2015:10:05:03.123",
            "01/Jan/1970:00:00:00 +0100",
            "17/May/2015:10:05:03.123456789 -0700",
            "17/May/2015:10:05:03. -0700",
            "31/Dec/2199:23:59:59 -0100",
        ]
    ),
    "time_iso8601": st.sampled_from(["2015-05-17 10:05:03", "2015-05-17T10:05:03.", "2015-05-17", "2015-05-17T10:05"]),
    "time_epoch_s": st.sampled_from(["7258118400", "00000000001", "1.", "99999999999999999", "-"]),
    "user_agent": st.sampled_from(['say \\"hi\\"', "caf\u00e9", "\\\\", "\\x22"]),
    "host_port": st.sampled_from(["example.org", ":", "a:b", ":80"]),
    "body_bytes_sent": st.sampled_from(["9223372036854775807", "9223372036854775808", ""]),
}


def regular_lines(log_format: TemplateFormat) -> st.SearchStrategy[bytes]:
    """Lines that the compiled scanner must take."""
    return _lines(log_format, {})


def lines(log_format: TemplateFormat) -> st.SearchStrategy[bytes]:
    """Lines of the format, odd requests included, whole or spoilt, and any bytes at all; none holds a newline."""
    whole = _lines(log_format, {name: _FIELDS[name] | odd for name, odd in _ODD_FIELDS.items()})
    return (
        whole
        | st.builds(_spoil, whole, st.lists(_EDITS, min_size=1, max_size=3))
        | st.binary(max_size=300).map(lambda line: line.replace(b"\n", b" "))
    )


def blocks(log_format: TemplateFormat) -> st.SearchStrategy[bytes]:
    """Blocks of such lines with either line end, blank lines, and now and then no newline at the end."""
    ended = st.tuples(lines(log_format) | st.sampled_from([b"", b" \t", b"\r"]), st.sampled_from([b"\n", b"\r\n"]))
    return st.builds(
        lambda pairs, last: b"".join(line + end for line, end in pairs) + last,
        st.lists(ended, max_size=8),
        st.just(b"") | lines(log_format),
    )


def _lines(log_format: TemplateFormat, odd: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[bytes]:
    names = {slot.name for slot in log_format.slots}
    fields = {name: odd.get(name, _FIELDS[name]) for name in sorted(names)}
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
