"""What is taken out is nowhere in what is kept; and what is kept is the same from whatever source."""

from datetime import date
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs.access_log import FORMATS, BlockParser, LogFormat, ParsedBlock, get_format
from beam_jobs.access_log.engines import parse_line
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.privacy.addresses import AddressMode, AnonymisingKeyError, DailyKeys, pseudonyms, truncated
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser
from beam_jobs.access_log.privacy.query_secrets import ENDINGS, WORDS, redact_line
from tests.unit.beam_jobs.access_log.cross_matrix import mutations, seeds
from tests.unit.beam_jobs.access_log.strategies import blocks

COMBINED = cast(TemplateFormat, FORMATS["combined"])
SEEDS = seeds()
KEYS = DailyKeys("the-first-key-of-all\n2015-05-18 the-key-that-follows")
LINE = '{} - - [17/May/2015:10:05:03 +0000] "GET {} HTTP/1.1" 200 5 "{}" "curl/8"'


def parser(mode: AddressMode = AddressMode.TRUNCATE, *, redact: bool = True) -> BlockParser:
    keys = KEYS if mode is AddressMode.HASH else None
    return AnonymisingParser(COMBINED, Anonymiser(mode, redact_secrets=redact, keys=keys))


def row(line: str, mode: AddressMode = AddressMode.TRUNCATE) -> dict[str, object]:
    (found,) = parser(mode).parse(line.encode()).rows.to_pylist()
    return found


def everything(parsed: ParsedBlock) -> str:
    return repr(parsed.rows.to_pylist()) + repr(parsed.rejected.to_pylist())


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3::"),
        ("::ffff:203.0.113.77", "::ffff:203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        ("dhcp-77.pool.example.net", "example.net"),
        ("203.0.113.77, 198.51.100.9", "203.0.113.0, 198.51.100.0"),
        ("unix:", "unix:"),
        ("203.0.113.77:5555", "203.0.113.0"),
        ("[2001:db8:85a3:8d3::7]:80,unknown", "2001:db8:85a3::,unknown"),
    ],
)
def test_addresses_are_cut_to_their_network(address: str, kept: str) -> None:
    assert truncated(address) == kept


def test_a_pseudonym_is_of_one_day_and_one_key() -> None:
    assert row(LINE.format("203.0.113.77", "/", "-"), AddressMode.HASH)["remote_addr"] == pseudonyms(KEYS)(
        "203.0.113.77", date(2015, 5, 17)
    )
    of_day = {day: pseudonyms(KEYS)("203.0.113.77", date(2015, 5, day)) for day in (16, 17, 18)}
    assert len(set(of_day.values())) == 3
    # Before the second key was added, the days before had the same pseudonyms.
    alone = pseudonyms(DailyKeys("the-first-key-of-all"))
    assert alone("203.0.113.77", date(2015, 5, 17)) == of_day[17]
    assert alone("203.0.113.77", date(2015, 5, 18)) != of_day[18]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no key"),
        ("# none\n\n", "there is no key"),
        ("short", "line 1 of the keys: a key has at least 16"),
        ("2015-05-17 a-key-that-is-long 1", "line 1 of the keys is not"),
        ("2015-02-30 a-key-that-is-long-enough", "line 1 of the keys: 2015-02-30 is not a date"),
        ("a-key-that-is-long-enough\na-key-that-is-long-enough", "line 2 of the keys: give each key a later"),
    ],
)
def test_what_is_wrong_with_keys_is_one_line(text: str, message: str) -> None:
    with pytest.raises(AnonymisingKeyError, match=message) as caught:
        DailyKeys(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", [*ENDINGS, *WORDS, "access_token", "X-Amz-Signature", "user[password]", "user%5Bpwd%5D"]
)
def test_values_of_secret_parameters_are_redacted(name: str) -> None:
    for target in (f"/a?{name}=s3cr3t", f"/a?b=1&{name.upper()}=s3cr3t&c=2", f"/a;{name}=s3cr3t"):
        found = parser().parse(LINE.format("192.0.2.1", target, f"https://u:s3cr3t@example.net{target}").encode())
        assert "s3cr3t" not in everything(found)
        assert "REDACTED" in everything(found)
        assert b"s3cr3t" not in redact_line(LINE.format("192.0.2.1", target, "-").encode())


@pytest.mark.parametrize("name", ["q", "monkey", "keyword", "passage", "design", "tokens_left"])
def test_values_of_other_parameters_stay(name: str) -> None:
    assert row(LINE.format("192.0.2.1", f"/a?{name}=1", "-"))["query"] == f"{name}=1"


@pytest.mark.parametrize("mode", list(AddressMode))
def test_a_rejected_line_keeps_nothing_either(mode: AddressMode) -> None:
    lines = [
        LINE.format("203.0.113.77", "/a?token=s3cr3t", "-").replace(" 200 ", " 099 "),
        LINE.format("203.0.113.77", "/a?password=s3cr3t", "-")[:-9],
        LINE.format("2001:db8:1:2::77", "/", "-").replace("May", "Maj"),
        "client 203.0.113.77 said token=s3cr3t",
        "[203.0.113.77] hello",
    ]
    parsed = parser(mode).parse("\n".join(lines).encode())
    assert parsed.rejected.num_rows == 5
    kept = everything(parsed)
    assert "s3cr3t" not in kept
    assert ("203.0.113.77" in kept) == (mode is AddressMode.NONE)
    assert ("db8:1:2" in kept) == (mode is AddressMode.NONE)
    assert "10:05:03" in kept
    (status, *_) = parsed.rejected.column("error_message").to_pylist()
    assert status == "the status '099' is not a number from 100 to 999"


def test_the_hash_is_none_of_the_original_line_and_tells_kept_lines_apart() -> None:
    one, other, third = (
        LINE.format(a, t, "-") for a, t in (("203.0.113.1", "/"), ("203.0.113.2", "/"), ("203.0.113.1", "/b"))
    )
    plain = BlockParser(COMBINED).parse(one.encode()).rows.to_pylist()[0]["raw_line_hash"]
    assert row(one)["raw_line_hash"] != plain
    assert row(one)["raw_line_hash"] == row(other)["raw_line_hash"]
    assert row(one)["raw_line_hash"] != row(third)["raw_line_hash"]
    assert row(one, AddressMode.HASH)["raw_line_hash"] != row(other, AddressMode.HASH)["raw_line_hash"]


@pytest.mark.parametrize("mode", list(AddressMode))
def test_a_line_that_is_read_again_stays_as_it_is(mode: AddressMode) -> None:
    line = LINE.format("203.0.113.77", "/a?token=s3cr3t", "https://u:p@example.net/").encode()
    (once,) = parser(mode).parse(line).rows.to_pylist()
    (again,) = parser(mode).parse(parser(mode).kept_line(line)).rows.to_pylist()
    assert again == once


@settings(max_examples=100)
@given(st.data(), st.sampled_from(list(AddressMode)), st.booleans())
def test_any_bytes_balance_and_the_rest_is_untouched(data: st.DataObject, mode: AddressMode, redact: bool) -> None:
    block = data.draw(blocks(COMBINED))
    plain, parsed = BlockParser(COMBINED).parse(block), parser(mode, redact=redact).parse(block)
    parsed.rows.validate(full=True)
    parsed.rejected.validate(full=True)
    assert (parsed.lines, parsed.blank) == (plain.lines, plain.blank)
    touched = {"remote_addr", "remote_user", "forwarded_for", "query", "path", "referer", "raw_line_hash"}
    for name in set(plain.rows.schema.names) - touched:
        assert parsed.rows.column(name).equals(plain.rows.column(name))
    for name in ("error_type", "source_offset"):
        assert parsed.rejected.column(name).equals(plain.rejected.column(name))
    for name in touched:
        assert parsed.rows.column(name).null_count == plain.rows.column(name).null_count
    # The same lines in other blocks, as a stream has them, hash alike.
    halves = block.split(b"\n", 1)
    again = [
        h
        for half in halves
        for h in parser(mode, redact=redact).parse(half + b"\n").rows.column("raw_line_hash").to_pylist()
    ]
    assert again == parsed.rows.column("raw_line_hash").to_pylist()


# IPv6 addresses in the forms of RFC 4291 section 2.2, RFC 4007 section 11 and RFC 5952.
_FORMS = (
    "203.0.113.77",
    "2001:db8:1:2:3:4:5:77",
    "2001:DB8:1:2::ABCD:77",
    "2001:0db8:0001:0002:0000:0000:0000:0077",
    "::ffff:203.0.113.77",
    "2001:db8:1:2::203.0.113.77",
)


def _addressed(name: str, address: str) -> list[bytes]:
    """Return the cases of a format with the client's address in place of each that they have, then spoilt."""
    lines = []
    for line in SEEDS[name][:2]:
        client = getattr(parse_line(FORMATS[name], line), "remote_addr", None)
        if client is not None and client != "unix:":
            lines += mutations(line.replace(client.encode(), address.encode()))
    return lines


@pytest.mark.parametrize("mode", [AddressMode.TRUNCATE, AddressMode.HASH])
@pytest.mark.parametrize("name", FORMATS)
def test_no_address_of_a_format_s_own_lines_is_kept(name: str, mode: AddressMode) -> None:
    anonymiser = Anonymiser(mode, redact_secrets=False, keys=KEYS if mode is AddressMode.HASH else None)
    for address in _FORMS[:: 1 if mode is AddressMode.TRUNCATE else 3]:
        lines = _addressed(name, address)
        assert lines
        framed = [_frame + line for line in lines[:1] for _frame in map(str.encode, _BEFORE)]
        parsed = AnonymisingParser(FORMATS[name], anonymiser).parse(b"\n".join([*lines, *framed, b"x" * 100]))
        assert parsed.rows.num_rows
        # A mutation may have put the client where a server never does: into what anonymising leaves alone.
        rows = parsed.rows.drop_columns(["host", "method", "user_agent"]).to_pylist()
        for kept in (*rows, *parsed.rejected.to_pylist()):
            assert address.lower() not in repr(kept).lower()


_V4, _V6 = "203.0.113.77", "2001:db8:1:2:3:4:5:77"
_ADDRESSED = (
    '@ - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"',
    '@ - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8" "@, @:8080"',
    '@, @ - ann [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"',
    'www.example.com @ - @ [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5',
    '@ - user @ [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8"',
    '@:51944 [17/May/2015:10:05:03.234] www~ a/b 0/0/1/57/58 200 5 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"',
    '[2015-05-17T10:05:03.310Z] "GET / HTTP/2" 204 - 154 0 226 100 "@,@" "curl/8" "cc21" "a.example" "-"',
    "1431857103.123    156 @ TCP_MISS/200 5120 GET http://www.example.com/ - HIER_DIRECT/- -",
    "2015-05-17 10:05:03 @ /a 200 @",
    '{"time_iso8601":"2015-05-17T10:05:03Z","remote_addr":"@","xff":"@, @","request":"GET / HTTP/1.1","status":200}',
)
_BEFORE = (
    "",
    "\ufeff",
    "\0\0",
    "Mar  7 09:15:01 web1 nginx: ",
    "web-1  | ",
    '"',
    " ",
    "x ",
    "2015-05-17T10:05:03Z stdout F ",
)
_W3C = get_format("#Fields: date time c-ip cs-uri-stem sc-status X-Forwarded-For")


@settings(max_examples=400)
@given(
    st.sampled_from(_ADDRESSED),
    st.sampled_from(_BEFORE),
    st.sampled_from([_V4, _V6]),
    st.sampled_from([*FORMATS.values(), _W3C]),
    st.sampled_from([AddressMode.TRUNCATE, AddressMode.HASH]),
    st.integers(0, 200),
    st.sampled_from(["", "", " ", '"', ",", "-", "|", "[", "\t", "\u00e9"]),
)
def test_no_address_of_the_input_is_in_the_output(
    line: str, before: str, address: str, log_format: LogFormat, mode: AddressMode, at: int, put: str
) -> None:
    place = at % (len(line) + 1)
    written = before + (line[:place] + put + line[place:]).replace("@", address)
    anonymiser = Anonymiser(mode, redact_secrets=False, keys=KEYS if mode is AddressMode.HASH else None)
    for block in (written.encode(), written.encode() + b"\n" + b"x" * 100):
        parsed = AnonymisingParser(log_format, anonymiser).parse(block)
        assert address not in everything(parsed)
