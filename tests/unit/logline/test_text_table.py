from logline.text_table import duration, text_table


def test_numbers_stand_to_the_right_and_text_to_the_left():
    assert text_table(("day", "rows"), [("2015-05-17", 1632), ("all", None)]).splitlines() == [
        "day          rows",
        "----------  -----",
        "2015-05-17  1,632",
        "all             -",
    ]


def test_a_table_without_rows_is_its_header():
    assert text_table(("a", "b"), []).splitlines() == ["a  b", "-  -"]


def test_a_duration_is_said_in_its_best_unit():
    assert [duration(seconds) for seconds in (0.4, 119, 120, 9000)] == ["0 s", "119 s", "2 min", "2.5 h"]
