import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logline.backfill.sources import DaySource, SourcePattern, common_prefix, day_sources, days_to_read
from logline.params import MAX_DAYS, ParamError, check_known_params, check_log_format, parse_day

NOW = datetime(2026, 3, 1, 0, 15, tzinfo=UTC)


def outcome(action):
    """What `action` returns, or the line it fails with."""
    try:
        return action(), None
    except ParamError as error:
        return None, str(error)


class TestSourcePattern:
    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("gs://logs/{date}/*", "gs://logs/2015-05-17/*"),
            ("gs://logs/{date:%Y%m%d}.log.gz", "gs://logs/20150517.log.gz"),
            ("gs://logs/{date:%Y}/{date:%m}/{date:%d}/**", "gs://logs/2015/05/17/**"),
            ("gs://logs/access.log", "gs://logs/access.log"),
        ],
    )
    def test_the_day_replaces_its_placeholder(self, pattern, expected):
        assert SourcePattern.parse(pattern).on(date(2015, 5, 17)) == expected

    def test_a_pattern_without_placeholder_is_not_dated(self):
        assert not SourcePattern.parse("gs://logs/*.log").dated
        assert SourcePattern.parse("gs://logs/{date}.log").dated

    @pytest.mark.parametrize(
        ("pattern", "complaint"),
        [
            ("", "must start with gs://"),
            ("logs/*", "must start with gs://"),
            ("s3://logs/*", "must start with gs://"),
            ("gs://", "must name one bucket"),
            ("gs://logs", "must name objects"),
            ("gs://logs/", "must name objects"),
            ("gs://logs/{date}/", "must name objects"),
            ("gs://l*gs/x", "must name one bucket"),
            ("gs://{date}/x", "must name one bucket"),
            ("gs://logs/{day}/*", "unknown placeholder"),
            ("gs://logs/{}/*", "unknown placeholder"),
            ("gs://logs/{0}/*", "unknown placeholder"),
            ("gs://logs/{date.__class__}/*", "unknown placeholder"),
            ("gs://logs/{date[0]}/*", "unknown placeholder"),
            ("gs://logs/{date!r}/*", "unknown placeholder"),
            ("gs://logs/{date:{date}}/*", "unknown date format"),
            ("gs://logs/{date:%Q}/*", "unknown date format"),
            ("gs://logs/{date:x}/*", "unknown date format"),
            ("gs://logs/{date", "unbalanced brace"),
            ("gs://logs/date}", "unbalanced brace"),
            ("gs://logs/{{date}}/*", "brace that is not a placeholder"),
            ("gs://logs/a b", "white space"),
            ("gs://logs/a\nb", "white space"),
            ("gs://logs/a\x00b", "control characters"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_line(self, pattern, complaint):
        with pytest.raises(ParamError, match=re.escape(complaint)) as error:
            SourcePattern.parse(pattern)
        assert len(str(error.value).splitlines()) == 1

    @given(st.text() | st.text("gs:/{}date.!%Y_[]0*\n ").map("gs://logs/".__add__), st.dates())
    def test_any_text_is_a_pattern_or_one_line(self, text, day):
        source, fault = outcome(lambda: SourcePattern.parse(text).on(day))
        assert fault is None or len(fault.splitlines()) == 1
        assert source is None or (source.startswith("gs://") and not set("{}") & set(source))

    @given(st.dates(min_value=date(1000, 1, 1)))
    def test_every_day_is_written_so_that_it_can_be_read_again(self, day):
        source = SourcePattern.parse("gs://logs/{date}/{date:%Y%m%d}.log").on(day)
        assert source == f"gs://logs/{day.isoformat()}/{day.isoformat().replace('-', '')}.log"


class TestDays:
    def test_the_day_before_the_run_is_the_default(self):
        assert days_to_read(None, None, NOW) == [date(2026, 2, 28)]

    def test_yesterday_is_yesterday_in_utc(self):
        tokyo = datetime(2026, 3, 1, 3, 0, tzinfo=timezone(timedelta(hours=9)))
        assert days_to_read(None, None, tokyo) == [date(2026, 2, 27)]

    def test_both_ends_belong_to_the_range(self):
        assert days_to_read("2015-05-17", "2015-05-19", NOW) == [
            date(2015, 5, 17),
            date(2015, 5, 18),
            date(2015, 5, 19),
        ]

    def test_one_end_alone_is_one_day(self):
        assert days_to_read("2015-05-17", None, NOW) == days_to_read(None, "2015-05-17", NOW) == [date(2015, 5, 17)]

    @pytest.mark.parametrize(
        "text",
        ["", "yesterday", "2015-02-30", "2015-5-1", "17/05/2015", "2015-05-17T00:00:00", "20150517", " 2015-05-17"],
    )
    def test_a_date_that_is_none_is_named(self, text):
        with pytest.raises(ParamError, match="start_date must be a calendar day") as error:
            days_to_read(text, "2015-05-17", NOW)
        assert repr(text) in str(error.value)

    def test_the_end_must_not_be_before_the_start(self):
        with pytest.raises(ParamError, match="end_date 2015-05-16 is before start_date 2015-05-17"):
            days_to_read("2015-05-17", "2015-05-16", NOW)

    def test_a_range_has_a_limit(self):
        first = date(2015, 1, 1)
        assert len(days_to_read(str(first), str(first + timedelta(days=MAX_DAYS - 1)), NOW)) == MAX_DAYS
        with pytest.raises(ParamError, match=f"at most {MAX_DAYS}"):
            days_to_read(str(first), str(first + timedelta(days=MAX_DAYS)), NOW)

    @given(st.text())
    def test_any_text_is_a_day_or_one_line(self, text):
        day, fault = outcome(lambda: parse_day("day", text).isoformat())
        assert day == text or len(fault.splitlines()) == 1


class TestDaySources:
    DAYS = (date(2015, 5, 17), date(2015, 5, 18))

    def test_a_dated_pattern_is_read_day_by_day(self):
        sources = day_sources(SourcePattern.parse("gs://logs/{date}/*.gz"), self.DAYS)
        assert [source.label for source in sources] == ["2015-05-17", "2015-05-18"]
        assert (sources[0].bucket, sources[0].glob, sources[0].prefix) == ("logs", "2015-05-17/*.gz", "2015-05-17/")
        assert common_prefix(sources) == "gs://logs/2015-05-1"

    def test_a_pattern_without_date_is_read_once(self):
        (source,) = day_sources(SourcePattern.parse("gs://logs/*"), self.DAYS)
        assert (source.label, common_prefix([source])) == ("all", "gs://logs/")

    @pytest.mark.parametrize(
        ("glob", "matching", "others"),
        [
            ("a/*.gz", ["a/x.gz", "a/.gz"], ["a/b/x.gz", "a/x.gz.1", "b/x.gz"]),
            ("a/**", ["a/x", "a/b/x"], ["b/a/x"]),
            ("a?.[0-9]", ["ab.1"], ["a/.1", "ab.x"]),
            ("a[!b]c", ["axc"], ["abc"]),
            ("a+(b)|c.log", ["a+(b)|c.log"], ["aab", "a+(b)|cxlog"]),
        ],
    )
    def test_a_name_matches_as_cloud_storage_says(self, glob, matching, others):
        source = DaySource("all", f"gs://logs/{glob}")
        assert all(source.matches(f"gs://logs/{name}") for name in matching)
        assert not any(source.matches(f"gs://logs/{name}") for name in others)
        assert not source.matches(f"gs://elsewhere/{matching[0]}")


def test_an_unknown_format_is_answered_with_the_known_ones():
    assert check_log_format("combined") == "combined"
    assert check_log_format("%h %t %r") == "%h %t %r"
    with pytest.raises(ParamError, match="log_format 'clf' is unknown: choose one of auto, article, "):
        check_log_format("clf")


def test_an_unknown_parameter_is_answered_with_the_known_ones():
    check_known_params({"end_date": "2015-05-17"}, ["start_date", "end_date"])
    check_known_params(None, ["start_date"])
    with pytest.raises(
        ParamError, match="unknown parameter 'enddate': the parameters of this DAG are end_date, start_date"
    ):
        check_known_params({"enddate": "2015-05-17"}, ["start_date", "end_date"])
