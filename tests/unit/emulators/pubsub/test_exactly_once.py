"""Exactly-once delivery: what an ack id that is expired, malformed or ahead of its ordering key's turn is answered."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from emulators.pubsub import wire
from emulators.pubsub.api.streaming import StreamingPull
from emulators.pubsub.broker import backlog
from emulators.pubsub.errors import PubsubError
from tests.unit.emulators.pubsub.in_process import SUBSCRIPTION, TOPIC, Emulator, emulator

INVALID, UNORDERED = "PERMANENT_FAILURE_INVALID_ACK_ID", "TRANSIENT_FAILURE_UNORDERED_ACK_ID"


@pytest.fixture
def running() -> Iterator[Emulator]:
    with emulator() as started:
        started.create_topic()
        yield started


@pytest.fixture
def keyed(running: Emulator) -> Emulator:
    """With an ordered subscription, and three messages of one key published."""
    running.create_subscription(enable_message_ordering=True, enable_exactly_once_delivery=True)
    messages = [wire.PubsubMessage(data=b"%d" % number, ordering_key="k") for number in range(3)]
    running.call(running.publisher, "publish", "PublishRequest", topic=TOPIC, messages=messages)
    return running


def ack_ids(running: Emulator) -> list[str]:
    return [message.ack_id for message in running.pull()]


def delivered_again(running: Emulator) -> tuple[str, str]:
    """The ack ids of a message's first and second delivery."""
    running.create_subscription(enable_exactly_once_delivery=True)
    running.publish(b"x")
    (first,) = ack_ids(running)
    running.nack(first)
    (second,) = ack_ids(running)
    return first, second


def reasons(refused: pytest.ExceptionInfo[PubsubError], code: grpc.StatusCode) -> dict[str, str]:
    assert refused.value.code == code
    ((name, packed),) = refused.value.trailing_metadata()
    assert name == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(packed)
    assert status.code == code.value[0]
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("EXACTLY_ONCE_ACKID_FAILURE", "pubsub.googleapis.com")
    return dict(info.metadata)


def test_only_the_latest_ack_id_is_valid(running: Emulator) -> None:
    first, second = delivered_again(running)
    for call in (running.acknowledge, running.nack):
        with pytest.raises(PubsubError) as refused:
            call(first)
        assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == {first: INVALID}
    running.acknowledge(second)


def test_earlier_ack_id_fails_also_after_the_latest_has_succeeded(running: Emulator) -> None:
    first, second = delivered_again(running)
    running.acknowledge(second)
    for call in (running.acknowledge, running.nack):
        with pytest.raises(PubsubError) as refused:
            call(first)
        assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == {first: INVALID}
    running.acknowledge(second)
    assert running.pull() == []


def test_ack_id_of_an_ended_lease_fails_before_the_message_is_delivered_again(running: Emulator) -> None:
    running.create_subscription(enable_exactly_once_delivery=True, ack_deadline_seconds=10)
    running.publish(b"x")
    (late,) = ack_ids(running)
    running.advance(11)
    for call in (running.acknowledge, running.nack):
        with pytest.raises(PubsubError) as refused:
            call(late)
        assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == {late: INVALID}
    assert running.bodies() == [b"x"]


def test_valid_ack_ids_beside_invalid_ones_are_acknowledged(running: Emulator) -> None:
    first, second = delivered_again(running)
    with pytest.raises(PubsubError) as refused:
        running.acknowledge(first, "malformed", second)
    assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == {first: INVALID, "malformed": INVALID}
    running.restart()
    assert running.pull() == []


def test_ack_whose_answer_a_kill_took_may_be_repeated(running: Emulator) -> None:
    running.create_subscription(enable_exactly_once_delivery=True)
    running.publish(b"done", b"open")
    done, _ = ack_ids(running)
    running.acknowledge(done)
    running.restart()
    running.acknowledge(done)
    assert running.bodies() == [b"open"]


def test_lease_of_a_killed_process_is_void(running: Emulator) -> None:
    running.create_subscription(enable_exactly_once_delivery=True)
    running.publish(b"x")
    (late,) = ack_ids(running)
    running.restart()
    with pytest.raises(PubsubError) as refused:
        running.acknowledge(late)
    assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == {late: INVALID}
    assert running.bodies() == [b"x"]


def test_remembered_ack_ids_are_bounded(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_CONFIRMED", 5)
    running.create_subscription(enable_exactly_once_delivery=True)
    for _ in range(4):
        running.publish(*[b"x"] * 3)
        running.acknowledge(*ack_ids(running))
    assert len(running.broker.subscriptions[SUBSCRIPTION].backlog._confirmed) == 5


def test_ack_out_of_order_is_refused_until_its_turn(keyed: Emulator) -> None:
    first, second, third = ack_ids(keyed)
    with pytest.raises(PubsubError) as refused:
        keyed.acknowledge(second, third)
    assert reasons(refused, grpc.StatusCode.FAILED_PRECONDITION) == {second: UNORDERED, third: UNORDERED}
    keyed.acknowledge(first)
    keyed.acknowledge(third, second)
    keyed.restart()
    assert keyed.pull() == []


def test_each_refused_ack_id_has_its_own_reason(keyed: Emulator) -> None:
    late = ack_ids(keyed)[2]
    keyed.nack(late)
    assert keyed.pull() == []
    keyed.advance(10)
    first, second, _ = ack_ids(keyed)
    with pytest.raises(PubsubError) as refused:
        keyed.acknowledge(second, late)
    assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == {late: INVALID, second: UNORDERED}
    keyed.acknowledge(first, second)


def test_nack_out_of_order_takes_back_the_later_messages_of_the_key(keyed: Emulator) -> None:
    first, second, third = ack_ids(keyed)
    keyed.nack(second)
    with pytest.raises(PubsubError) as refused:
        keyed.acknowledge(third)
    assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == {third: INVALID}
    keyed.acknowledge(first)
    assert keyed.bodies() == [b"1", b"2"]


def test_messages_of_a_key_are_given_back_in_one_request(keyed: Emulator) -> None:
    given_back = ack_ids(keyed)
    keyed.nack(*given_back)
    with pytest.raises(PubsubError) as refused:
        keyed.nack(*given_back)
    assert reasons(refused, grpc.StatusCode.INVALID_ARGUMENT) == dict.fromkeys(given_back, INVALID)
    assert keyed.bodies() == [b"0", b"1", b"2"]


def test_without_exactly_once_an_ack_out_of_order_is_held(running: Emulator) -> None:
    running.create_subscription(enable_message_ordering=True)
    messages = [wire.PubsubMessage(data=body, ordering_key="k") for body in (b"0", b"1")]
    running.call(running.publisher, "publish", "PublishRequest", topic=TOPIC, messages=messages)
    first, second = ack_ids(running)
    running.acknowledge(second)
    running.acknowledge(first)
    assert running.pull() == []


def test_stream_answers_each_kind_of_ack_id(keyed: Emulator) -> None:
    first, second, third = ack_ids(keyed)
    request_type = wire.type_of["StreamingPullRequest"]

    async def converse() -> None:
        stream = StreamingPull(keyed.broker, request_type(subscription=SUBSCRIPTION, stream_ack_deadline_seconds=60))

        async def answer(**fields: Any) -> Any:
            await stream._apply_acks(request_type(**fields))
            return stream._next_response()

        acked = (await answer(ack_ids=["malformed", second])).acknowledge_confirmation
        assert (acked.ack_ids, acked.invalid_ack_ids, acked.unordered_ack_ids) == ([], ["malformed"], [second])
        acked = (await answer(ack_ids=[first])).acknowledge_confirmation
        assert (acked.ack_ids, acked.invalid_ack_ids, acked.unordered_ack_ids) == ([first], [], [])
        given_back = {"modify_deadline_ack_ids": [second, third, "malformed"], "modify_deadline_seconds": [0, 60, 60]}
        response = await answer(**given_back)
        modified = response.modify_ack_deadline_confirmation
        assert not response.HasField("acknowledge_confirmation")
        # The key starts again at the message given back, so the later one is no longer leased either.
        assert (modified.ack_ids, sorted(modified.invalid_ack_ids)) == ([second], sorted([third, "malformed"]))
        assert [message.message.data for message in stream._next_response().received_messages] == [b"1", b"2"]

    keyed.run(converse())
