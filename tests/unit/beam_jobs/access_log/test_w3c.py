"""W3C formats: a `#Fields` line holds up to the next one, in a block and from block to block."""

import pytest

from beam_jobs.access_log import BlockParser, FormatError, detect, get_format
from beam_jobs.access_log.formats.w3c import w3c_format

HEADER = "#Fields: date time c-ip cs-uri-stem sc-status"
LINES = (
    b"#Software: Microsoft Internet Information Services 10.0\n"
    b"#Fields: date time c-ip cs-uri-stem sc-status\n"
    b"2026-03-07 09:15:01 192.0.2.80 /a 200\n"
    b"#Fields: date time cs-uri-stem c-ip sc-status\n"
    b"2026-03-07 09:15:02 /b 192.0.2.81 404\n"
)


def test_the_header_is_the_format() -> None:
    detected = detect(LINES)
    assert detected.log_format.name == HEADER
    assert get_format(HEADER) == detected.log_format


def test_a_header_inside_a_block_counts_from_there_on() -> None:
    parsed = BlockParser(get_format(HEADER)).parse(LINES, base_offset=1000)
    assert [(row["remote_addr"], row["path"], row["status"]) for row in parsed.rows.to_pylist()] == [
        ("192.0.2.80", "/a", 200),
        ("192.0.2.81", "/b", 404),
    ]
    assert [row["source_offset"] for row in parsed.rows.to_pylist()] == [
        1000 + LINES.index(b"2026"),
        1000 + LINES.rindex(b"2026"),
    ]
    assert (parsed.lines, parsed.blank) == (5, 3)


def test_the_last_header_holds_in_the_next_block() -> None:
    parser = BlockParser(get_format(HEADER))
    following = parser.following(LINES)
    assert following.log_format.name == "#Fields: date time cs-uri-stem c-ip sc-status"
    assert following.following(b"2026-03-07 09:15:02 /b 192.0.2.81 404\n") is following
    assert parser.log_format.name == HEADER
    combined = BlockParser(get_format("combined"))
    assert combined.following(LINES) is combined


def test_a_header_of_no_use_rejects_what_follows() -> None:
    parsed = BlockParser(get_format(HEADER)).parse(b"#Fields: c-ip cs-uri-stem\n192.0.2.80 /a\n")
    assert (parsed.rows.num_rows, parsed.rejected.num_rows, parsed.blank) == (0, 1, 1)


def test_a_line_needs_a_time() -> None:
    with pytest.raises(FormatError, match="needs the fields date and time"):
        get_format("#Fields: time c-ip")


def test_values_parted_by_tabs_under_names_parted_by_blanks() -> None:
    sample = (
        LINES.replace(b" /", b"\t/")
        .replace(b"09:15:01 ", b"09:15:01\t")
        .replace(b"07 ", b"07\t")
        .replace(b" 200", b"\t200")
    )
    sample = sample.split(b"#Fields: date time cs-uri")[0]
    assert detect(sample).log_format.name == HEADER.replace(" ", "\t").replace("#Fields:\t", "#Fields: ")


def test_a_header_of_no_use_before_another_is_no_obstacle() -> None:
    detected = detect(b"#Fields: c-ip cs-uri-stem\n" + LINES)
    assert detected.log_format.name == HEADER
    assert (detected.accepted[HEADER], detected.lines) == (1, 2)


@pytest.mark.parametrize("letter", ["x", "\u00fc"])
def test_plus_signs_of_user_agents_of_any_length_are_blanks(letter: str) -> None:
    header = "#Fields: date time cs-uri-stem c-ip cs(User-Agent) sc-status"
    agents = [f"a+{'b+' * length}{letter}{'c' * (length % 7)}+{letter}" for length in range(80)]
    lines = [f"2026-03-07 09:15:02 /a 192.0.2.81 {agent} 200\n".encode() for agent in agents]
    parsed = BlockParser(w3c_format(header)).parse(b"".join([*lines, b"#" + b"x" * 100]))
    assert parsed.rows.column("user_agent").to_pylist() == [agent.replace("+", " ") for agent in agents]
