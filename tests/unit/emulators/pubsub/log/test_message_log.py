"""The log of a topic, beside a plain list of its messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.pubsub import wire
from emulators.pubsub.log.message_log import Batch, BodyCache, TopicLog
from tests.unit.emulators.pubsub.backlogs import Log

BODY = {"data": b"x"}


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), max_size=8), st.integers(0, 60), st.integers(0, 20))
def test_log_finds_what_a_list_finds(batches: list[tuple[int, int]], probe: int, moment: int) -> None:
    log, ids, times, now = Log(), [], [], 0
    for count, pause in batches:
        now += pause
        published = log.publish(*[BODY] * count, publish_us=now)
        ids += published
        times += [now] * count
    holding, after = log.holding(probe), log.after(probe)
    later = [message_id for message_id in ids if message_id > probe]
    assert (holding is not None) is (probe in ids)
    assert (after is not None) is bool(later)
    if after is not None:
        assert after.first_id <= later[0] <= after.last_id
    since = [message_id for message_id, time in zip(ids, times, strict=True) if time >= moment]
    assert log.first_id_since(moment) == (since[0] if since else log.last_id + 1)


def test_deleting_keeps_the_rest() -> None:
    log = Log()
    for _ in range(4):
        log.publish(BODY, BODY)
    batches = list(log)
    freed = log.delete(lambda batch: batch is not batches[1], up_to=batches[2].last_id)
    assert freed == [batches[0], batches[2]]
    assert list(log) == [batches[1], batches[3]]
    assert log.holding(batches[0].first_id) is None


def test_deleting_waits_until_it_is_worth_it() -> None:
    log = Log()
    for _ in range(20):
        log.publish(BODY)
    batches = list(log)
    assert log.delete(lambda _: True, up_to=batches[1].last_id) == []
    assert log.delete(lambda _: True, up_to=batches[2].last_id) == batches[:3]


def test_cache_reads_again_what_it_dropped() -> None:
    reads: list[int] = []

    def read(first_id: int) -> bytes:
        reads.append(first_id)
        return bytes(wire.PublishRequest(messages=[wire.PubsubMessage(data=b"%d" % first_id)]).SerializeToString())

    cache = BodyCache(read, capacity=25)
    batches = [Batch(number, 1, 0, 10) for number in range(1, 4)]
    log = TopicLog(cache, batches)
    for batch in (*batches, batches[2], batches[1], batches[0]):
        assert log.messages(batch)[0].data == b"%d" % batch.first_id
    assert reads == [1, 2, 3, 1]


@pytest.mark.parametrize("publish_us", [0, 5])
def test_empty_log(publish_us: int) -> None:
    log = TopicLog(BodyCache(lambda _: b""))
    assert (log.first, log.last_id, log.after(0)) == (None, 0, None)
    assert log.first_id_since(publish_us) == 1
