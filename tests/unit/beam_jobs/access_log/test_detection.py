"""Formats by name and from the first lines of a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from beam_jobs.access_log import BlockParser, Detection, FormatError, detect, detect_format, get_format, recognise

COMBINED = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
COMMON = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5\n'
NONE = "not an access log: none of the first {} lines is in a known format; pass --log_format if it is one"
ARTICLE = b'192.0.2.1 - - [17/May/2015:10:05:03] "GET / HTTP/1.1" [200] 5 "-" "-"\n'
CASE_LINES = sorted(
    {
        case["line"].encode("latin-1") + b"\n"
        for path in (Path(__file__).parent / "cases").glob("*.yaml")
        for case in yaml.safe_load(path.read_text())
    }
)


@pytest.mark.parametrize(("line", "name"), [(COMBINED, "combined"), (COMMON, "common"), (ARTICLE, "article")])
def test_detects_its_lines(line: bytes, name: str) -> None:
    assert detect_format(line).name == name
    assert detect_format(b"\n \n" + line * 3 + b"spoilt\n" * 3).name == name
    assert detect_format(line.rstrip() + b"\r\n" + line[:30]).name == name


def test_a_mixed_file_is_read_line_by_line() -> None:
    detected = detect(COMBINED * 2 + COMMON * 3)
    assert (detected.log_format.name, detected.mixed) == ("combined+common", {"combined": 2, "common": 3})
    parsed = BlockParser(detected.log_format).parse(COMBINED + b"spoilt\n" + COMMON + b"\n" + COMBINED)
    assert [row["source_offset"] for row in parsed.rows.to_pylist()] == [0, 81, 148]
    assert (parsed.lines, parsed.blank, parsed.rejected.num_rows) == (5, 1, 1)
    assert get_format("common+combined") == detected.log_format


def test_a_mixed_file_is_told_of() -> None:
    assert detect(COMBINED * 5).warning is None
    assert detect(COMBINED * 5 + b"spoilt\n").warning is None
    assert detect(COMBINED * 2 + COMMON * 3).warning == (
        "the first 5 lines are of several formats (combined 2, common 3): each line is read as the first of them that "
        "fits it; pass --log_format if that is wrong"
    )


def test_fields_that_are_not_read_are_told_of() -> None:
    detected = detect(COMBINED.replace(b"\n", b" 5 x\n"))
    assert detected.log_format.name == "combined_and_more"
    assert detected.warning == (
        "what stands at the end of its lines is not read, such as '5 x': pass --log_format with your server's format "
        "string, or combined_us (%D) or combined_s (%T)"
    )
    assert "such as '77 x'" in str(detect(COMMON.replace(b"\n", b" 77 x\n")).warning)


def test_durations_of_hours_are_asked_about() -> None:
    assert "1 of the first 2 requests took an hour or more if this is nginx_request_time" in str(
        detect(COMBINED.replace(b"\n", b" 3600.000\n") + COMBINED.replace(b"\n", b" 0.001\n")).warning
    )


def test_formats_are_ranked() -> None:
    ranked = detect(COMBINED).ranked
    assert (ranked[0].log_format.name, ranked[0].share) == ("combined", 1.0)
    nearest = max(ranked[1:], key=lambda fit: fit.position)
    assert COMBINED[: nearest.position].startswith(COMBINED[:60])
    assert nearest.message


def test_the_nearest_format_is_named_with_the_byte_where_it_stops() -> None:
    with pytest.raises(FormatError) as caught:
        detect(COMBINED.replace(b'" 200', b"' 200"))
    assert "the nearest is " in str(caught.value)
    assert "up to byte " in str(caught.value)


def test_one_line_is_not_called_lines() -> None:
    with pytest.raises(FormatError, match="none of the first 1 line is in a known format"):
        detect(b"spoilt\n")


def test_line_cut_by_the_end_of_the_sample_does_not_count() -> None:
    assert detect_format(COMMON + COMBINED[:-1] + b"x").name == "common"


def test_only_the_first_hundred_lines_count() -> None:
    assert detect_format(COMMON * 100 + COMBINED * 1000).name == "common"


def test_a_long_sample_is_read_in_part() -> None:
    assert detect_format(COMMON + b"x" * (1 << 20)).name == "common"


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (b"", "no log format can be told from it: it holds no line that is not blank"),
        (b"\n \r\n\t", "no log format can be told from it: it holds no line that is not blank"),
        (
            b"id,name\n" * 40,
            NONE.format(40),
        ),
        (
            bytes(range(256)) * 10,
            NONE.format(10),
        ),
        (
            COMBINED + b"spoilt\n" * 2,
            "not an access log: only 1 of the first 3 lines match combined; pass --log_format if it is one",
        ),
    ],
)
def test_what_is_no_log_is_an_error_of_one_line(sample: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        detect_format(sample)
    assert str(caught.value) == message


def test_unknown_name_lists_the_known_ones() -> None:
    assert get_format("combined").name == "combined"
    with pytest.raises(FormatError, match=r"unknown log format 'combind': known are article, .*combined, .*common, "):
        get_format("combind")


def found(way: Callable[[bytes], Detection], sample: bytes) -> object:
    try:
        detection = way(sample)
    except FormatError as error:
        return str(error)
    return detection.log_format, detection.lines, detection.share, detection.warning


@given(st.lists(st.tuples(st.sampled_from(CASE_LINES), st.integers(1, 60)), max_size=5).map(dict))
@example({COMBINED: 60, b"\n": 1, COMMON: 60})
@example({COMMON: 2, b"spoilt\n": 2})
@example({COMBINED.replace(b"\n", b" 5 x\n"): 3, COMBINED: 3})
@example({COMBINED.replace(b"\n", b" 3600.000\n"): 2, b"# comment\n": 1})
def test_what_is_recognised_is_what_would_be_detected(lines: dict[bytes, int]) -> None:
    sample = b"".join(line * times for line, times in lines.items())
    assert found(recognise, sample) == found(detect, sample)


@pytest.mark.parametrize("line", CASE_LINES)
def test_each_line_alone_is_recognised_as_it_is_detected(line: bytes) -> None:
    assert found(recognise, line) == found(detect, line)
