"""Which objects of a listing no run has read, and when they are tried again."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from logline.arrivals.operators import is_due
from logline.arrivals.source import LogObjects
from logline.arrivals.unread import UnreadObject, unread_objects
from logline.backfill.sources import SourcePattern

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WRITTEN = datetime(2026, 11, 26, 23, tzinfo=UTC)


def blob(name: str, generation: int, size: int = 5) -> Any:
    return SimpleNamespace(name=name, generation=generation, size=size, time_created=WRITTEN)


def seen(name: str, generation: int, noticed_at: datetime | None = None) -> dict[str, Any]:
    return {"object": f"gs://logs/{name}", "generation": generation, "noticed_at": noticed_at}


def found(listed: list[Any], known: list[dict[str, Any]], source: str = "gs://logs/logs/**") -> list[UnreadObject]:
    return unread_objects(LogObjects(SourcePattern.parse(source)), listed, known, NOW)


def test_what_was_read_is_left_out() -> None:
    assert found([blob("logs/a", 1), blob("logs/b", 2)], [seen("logs/a", 1), seen("logs/b", 2)]) == []


def test_new_and_replaced_objects() -> None:
    first, second = found([blob("logs/a", 1), blob("logs/b", 3)], [seen("logs/b", 2)])
    assert (first.object, first.generation, first.size, first.reason) == ("gs://logs/logs/a", 1, 5, "new")
    assert (second.object, second.generation, second.reason) == ("gs://logs/logs/b", 3, "replaced")
    assert first.created == WRITTEN


def test_the_time_it_was_noticed_is_kept_for_each_generation() -> None:
    earlier = NOW - timedelta(hours=3)
    first, second = found(
        [blob("logs/a", 1), blob("logs/b", 3)], [seen("logs/a", 1, earlier), seen("logs/b", 2, earlier)]
    )
    assert (first.noticed_at, first.reason) == (earlier, "new")
    assert (second.noticed_at, second.reason) == (NOW, "new")


def test_the_day_is_that_of_the_name_else_of_the_object() -> None:
    listed = [blob("logs/2026-11-01/a", 1)]
    assert [one.log_date for one in found(listed, [])] == ["2026-11-26"]
    assert [one.log_date for one in found(listed, [], "gs://logs/logs/{date}/*")] == ["2026-11-01"]


@pytest.mark.parametrize(
    ("hours", "due"),
    [
        (0, True),
        (0.9, True),
        (1, True),
        (2.5, True),
        (3, False),
        (4, True),
        (5, False),
        (7.9, False),
        (8, True),
        (16, True),
    ],
)
def test_what_fails_is_tried_less_and_less_often(hours: float, due: bool) -> None:
    (unread,) = found([blob("logs/a", 1)], [seen("logs/a", 1, NOW - timedelta(hours=hours))])
    assert is_due(unread, NOW) is due
