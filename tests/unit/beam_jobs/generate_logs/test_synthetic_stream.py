from dataclasses import replace
from datetime import UTC, datetime

import pytest

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.generate_logs.publish import _parse
from beam_jobs.generate_logs.synthetic_stream import BLANK, REJECTED, ROW, StreamPlan, draw_events
from beam_jobs.options.parameters import OptionError

PLAN = StreamPlan(
    events=4000,
    log_format="article",
    seed=3,
    start=datetime(2026, 11, 22, 0, 5, tzinfo=UTC),
    rate=100,
    bad_share=0.05,
    repeated_share=0.02,
    late_share=0.01,
    disorder_share=0.05,
)


@pytest.mark.parametrize("log_format", ["article", "combined", "common"])
def test_the_parser_finds_what_the_events_say(log_format: str) -> None:
    events = list(draw_events(replace(PLAN, events=600, log_format=log_format)))
    parser = BlockParser(get_format(log_format))
    for event in events:
        parsed = parser.parse(event.line + b"\n")
        counts = (parsed.rows.num_rows, parsed.rejected.num_rows, parsed.blank)
        assert counts == {ROW: (1, 0, 0), REJECTED: (0, 1, 0), BLANK: (0, 0, 1)}[event.fate]
        if event.fate == ROW:
            assert str(parsed.rows.column("log_date")[0]) == event.log_date


def test_the_same_plan_gives_the_same_events() -> None:
    assert list(draw_events(PLAN)) == list(draw_events(PLAN))
    assert list(draw_events(PLAN)) != list(draw_events(replace(PLAN, seed=4)))


def test_shares_are_kept_and_repetitions_have_the_same_id_and_line() -> None:
    events = list(draw_events(PLAN))
    first = {event.event_id: event for event in events if not event.is_repetition}
    repetitions = [event for event in events if event.is_repetition]
    assert len(first) == PLAN.events
    assert 50 < len(repetitions) < 110
    assert all(event._replace(is_repetition=False) == first[event.event_id] for event in repetitions)
    assert 150 < sum(event.fate == REJECTED for event in first.values()) < 250
    late = sum(event.log_date == "2026-11-21" for event in first.values())
    assert 30 < late < 250, "a day late, or some minutes late just after midnight"


@pytest.mark.parametrize(
    "option",
    [
        *("--rate=0", "--bad_share=2", "--messages=-1", "--format=x", "--seed=a", "--other=1"),
        *("--start_time=now", "--start_time=9999-12-31T23:59:59-12:00", "--start_time=1969-12-31"),
        *("--topic=t", "--topic=projects/p/topics/", "--topic=projects/p/subscriptions/s", "--truth=gs:/b/t.json"),
    ],
)
def test_a_wrong_option_of_the_publisher_is_said_in_one_line(option: str) -> None:
    with pytest.raises(OptionError) as raised:
        _parse(["--topic=projects/p/topics/t", "--truth=t.json", option])
    assert "\n" not in str(raised.value)
