"""How texts and numbers are shown: widths of characters, cuts, units."""

import pytest

from beam_jobs.access_log.cli.shown import cut, cut_inside, duration, padded, percent, printable, size, width


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("ﾊﾝｶｸ", 4), ("", 0), ("😀", 2)]
)
def test_width_is_in_columns_of_a_terminal(text: str, columns: int) -> None:
    assert width(text) == columns
    assert width(padded(text, 10)) == 10


@pytest.mark.parametrize("most", range(4, 30))
@pytest.mark.parametrize("text", ["/images/very/long/path/of/a.png", "日本語" * 10, "e\u0301" * 40, "a日" * 20])
def test_cuts_fit(text: str, most: int) -> None:
    assert width(cut(text, most)) <= most
    assert width(cut_inside(text, most)) <= most
    assert cut(text, most).endswith("...")
    assert "..." in cut_inside(text, most)


def test_cut_inside_keeps_both_ends() -> None:
    assert cut_inside("/files/logstash/logstash-1.3.2-monolithic.jar", 24) == "/files/logstas...hic.jar"


def test_what_does_not_print_is_escaped() -> None:
    assert printable("a\x1b[31m\u202e\udcff日") == "a\\x1b[31m\\u202e\\udcff日"


def test_numbers_have_units() -> None:
    assert [percent(0, 5), percent(1, 10**6), percent(1, 3), percent(1, 0)] == ["0.0%", "<0.1%", "33.3%", "0.0%"]
    assert [size(999), size(1234), size(2.5e9)] == ["999 bytes", "1.2 kB", "2.5 GB"]
    assert [duration(0.5), duration(250), duration(2500), duration(600_000), duration(10**8)] == [
        "0.5 ms", "250 ms", "2.5 s", "10 min", "27.8 h",
    ]  # fmt: skip
