"""The delivery state of one subscription, with a clock of numbers."""

import pytest

from emulators.pubsub.broker.delivery import Consumer
from emulators.pubsub.errors import PubsubError
from emulators.pubsub.log.message_log import Position
from tests.unit.emulators.pubsub.backlogs import ANY, Log, ack_ids, backlog_of, ids, take, undelivered

BODY = {"data": b"line"}


@pytest.fixture
def log() -> Log:
    return Log()


def test_each_message_is_leased_once(log: Log) -> None:
    backlog = backlog_of(log)
    published = log.publish(*[BODY] * 5) + log.publish(*[BODY] * 5)
    first, second = take(backlog, 0, 7), take(backlog, 0, 7)
    assert ids(first) + ids(second) == published
    assert take(backlog, 9.9) == []


def test_lease_ends_at_its_deadline(log: Log) -> None:
    backlog = backlog_of(log)
    published = log.publish(BODY, BODY)
    take(backlog, 0)
    assert backlog.next_due() == 10
    assert backlog.expire(9.9).failed == []
    assert backlog.expire(10).failed == published
    assert ids(take(backlog, 10)) == published


def test_extended_and_shortened_leases(log: Log) -> None:
    backlog = backlog_of(log)
    log.publish(BODY, BODY, BODY)
    longer, shorter, same = take(backlog, 0)
    backlog.modify([longer.ack_id, shorter.ack_id], [60, 1], 0)
    assert backlog.expire(1).failed == [shorter.id]
    assert backlog.expire(10).failed == [same.id]
    assert backlog.expire(59.9).failed == []
    assert backlog.expire(60).failed == [longer.id]


def test_backoff_doubles_up_to_its_most(log: Log) -> None:
    backlog = backlog_of(log, min_backoff=1.0, max_backoff=5.0)
    log.publish(BODY)
    now = 0.0
    for wait in (1, 2, 4, 5, 5):
        (delivery,) = take(backlog, now)
        backlog.modify([delivery.ack_id], [0], now)
        assert take(backlog, now + wait - 0.1) == []
        now += wait


def test_exhausted_message_is_handed_over_once(log: Log) -> None:
    backlog = backlog_of(log, max_attempts=2)
    log.publish(BODY)
    for attempt in (1, 2):
        (delivery,) = take(backlog, 0)
        assert delivery.attempt == attempt
        result = backlog.modify([delivery.ack_id], [0], 0)
    (exhausted,) = result.exhausted
    assert take(backlog, 100) == []
    (batch,) = log
    assert backlog.needs(batch)
    backlog.forwarded([exhausted])
    assert not backlog.needs(batch)


def test_message_that_cannot_be_forwarded_comes_again(log: Log) -> None:
    backlog = backlog_of(log, max_attempts=1)
    log.publish(BODY)
    take(backlog, 0)
    (exhausted,) = backlog.expire(10).exhausted
    backlog.not_forwarded([exhausted])
    assert [delivery.attempt for delivery in take(backlog, 10)] == [2]


def test_filtered_messages_are_done(log: Log) -> None:
    backlog = backlog_of(log, matches=lambda attributes: "keep" in attributes)
    log.publish(BODY, {"data": b"x", "attributes": {"keep": "1"}}, BODY)
    assert len(take(backlog, 0)) == 1
    assert undelivered(backlog, log) == 1


def test_consumer_is_charged_until_a_message_leaves_it(log: Log) -> None:
    backlog = backlog_of(log)
    log.publish(*[BODY] * 4)
    consumer = Consumer()
    acked, nacked, expired, kept = take(backlog, 0, consumer=consumer)
    assert consumer.messages == 4
    assert consumer.bytes == sum(delivery.size for delivery in (acked, nacked, expired, kept))
    backlog.acknowledge([acked.ack_id])
    backlog.modify([nacked.ack_id, kept.ack_id], [0, 60], 0)
    backlog.expire(10)
    assert (consumer.messages, consumer.bytes) == (1, kept.size)
    backlog.discard_before(log.next_id)
    assert (consumer.messages, consumer.bytes) == (0, 0)


def test_byte_limit_lets_one_message_over_it(log: Log) -> None:
    backlog = backlog_of(log)
    log.publish(*[{"data": b"x" * 1000}] * 5)
    assert len(backlog.take(Consumer(), ANY, 1500, 10, 0)) == 2
    assert len(backlog.take(Consumer(), ANY, 1, 10, 0)) == 1
    assert backlog.take(Consumer(), ANY, 0, 10, 0) == []


def test_late_ack_ends_the_message(log: Log) -> None:
    backlog = backlog_of(log)
    published = log.publish(BODY, BODY)
    late, again = take(backlog, 0)
    late_ids = [late.ack_id, again.ack_id]
    backlog.expire(10)
    (relased,) = take(backlog, 10, 1)
    result = backlog.acknowledge(late_ids)
    assert result.acked == published
    assert relased.ack_id == ""
    assert take(backlog, 100) == []


def test_late_lease_change_changes_nothing(log: Log) -> None:
    backlog = backlog_of(log)
    log.publish(BODY)
    (first,) = take(backlog, 0)
    late = first.ack_id
    backlog.expire(10)
    (second,) = take(backlog, 10)
    assert backlog.modify([late], [0], 10).stale == [late]
    assert second.ack_id
    assert take(backlog, 11) == []


@pytest.mark.parametrize(
    "text", ["", "7", "7-", "7-1", "8-1-1", "7-x-1", "7-1-y", "7--1", "7-1-", "7-" + "9" * 30 + "-1", "7-²-1"]
)
def test_malformed_ack_id_changes_nothing(log: Log, text: str) -> None:
    backlog = backlog_of(log)
    log.publish(BODY)
    (delivery,) = take(backlog, 0)
    for call in (
        lambda: backlog.acknowledge([delivery.ack_id, text]),
        lambda: backlog.modify([delivery.ack_id, text], [0, 0], 0),
    ):
        with pytest.raises(PubsubError, match="invalid ack ID"):
            call()
    assert delivery.ack_id


def test_position_brings_back_what_is_open(log: Log) -> None:
    backlog = backlog_of(log, max_attempts=9)
    published = log.publish(*[BODY] * 6)
    taken = take(backlog, 0, 4)
    backlog.acknowledge([taken[1].ack_id])
    backlog.modify([taken[2].ack_id], [0], 0)
    position = backlog.position()
    assert position == Position(published[3], (published[0], published[2], published[3]), (), {published[2]: 1})
    again = backlog_of(log, position, token=1000, max_attempts=9)
    back = take(again, 0)
    assert ids(back) == [published[0], *published[2:]]
    assert [delivery.attempt for delivery in back] == [1, 2, 1, 1, 1]


def test_ack_ahead_of_the_cursor_is_kept(log: Log) -> None:
    before = backlog_of(log)
    published = log.publish(*[BODY] * 3)
    taken = take(before, 0)
    after = backlog_of(log, token=1000)
    assert after.acknowledge([taken[1].ack_id]).acked == [published[1]]
    assert after.acknowledge([taken[1].ack_id]).acked == []
    assert undelivered(after, log) == 2
    third = backlog_of(log, after.position(), token=2000)
    assert ids(take(third, 0)) == [published[0], published[2]]


def test_batches_are_needed_until_their_last_message_is_done(log: Log) -> None:
    backlog = backlog_of(log)
    log.publish(BODY, BODY)
    log.publish(BODY)
    first, second = list(log)
    one, two, three = take(backlog, 0)
    backlog.acknowledge([one.ack_id, three.ack_id])
    assert backlog.needs(first)
    assert not backlog.needs(second)
    backlog.acknowledge([two.ack_id])
    assert not backlog.needs(first)


def test_seek_voids_every_lease(log: Log) -> None:
    backlog = backlog_of(log)
    published = log.publish(BODY, BODY)
    taken = take(backlog, 0)
    old = ack_ids(taken)
    backlog.seek(Position(0))
    assert backlog.modify(old, [0, 0], 1).stale == old
    assert ids(take(backlog, 1)) == published


def test_exactly_once_ack_out_of_order_leaves_the_lease(log: Log) -> None:
    backlog = backlog_of(log, is_ordered=True, is_exactly_once=True)
    published = log.publish(*[BODY | {"ordering_key": "k"}] * 3)
    consumer = Consumer()
    first, second, third = take(backlog, 0, consumer=consumer)
    result = backlog.acknowledge([second.ack_id])
    assert (result.unordered, result.accepted, result.acked) == ([second.ack_id], [], [])
    assert second.ack_id
    assert consumer.messages == 3
    ids_of_all = [third.ack_id, first.ack_id, second.ack_id]
    result = backlog.acknowledge(ids_of_all)
    assert (result.acked, sorted(result.accepted), result.unordered) == (published, sorted(ids_of_all), [])


def test_position_leaves_out_what_is_being_forwarded(log: Log) -> None:
    backlog = backlog_of(log, max_attempts=1)
    published = log.publish(BODY, BODY)
    take(backlog, 0, 1)
    (exhausted,) = backlog.expire(10).exhausted
    assert backlog.position() == Position(published[0])
    backlog.seek(backlog.position())
    backlog.forwarded([exhausted])
    assert ids(take(backlog, 10)) == published[1:]
