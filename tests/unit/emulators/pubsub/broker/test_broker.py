"""Publish, pull, acknowledge, give back, expiry and kills in any order, against a model."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.unit.emulators.pubsub.in_process import TOPIC, emulator

LEASE_SECONDS = 600


class Delivering(RuleBasedStateMachine):
    """The model: which bodies are unacknowledged, and under which ack id they are leased."""

    @initialize(dead_letters=st.booleans())
    def start(self, dead_letters: bool) -> None:
        self.context = emulator()
        self.emulator = self.context.__enter__()
        self.emulator.create_topic()
        policy = {"dead_letter_topic": TOPIC, "max_delivery_attempts": 100}
        settings = {"dead_letter_policy": policy} if dead_letters else {}
        self.emulator.create_subscription(ack_deadline_seconds=LEASE_SECONDS, **settings)
        self.number = 0
        self.open: set[bytes] = set()
        self.leased: dict[bytes, str] = {}
        self.ended: dict[str, bytes] = {}

    @rule(count=st.integers(1, 6))
    def publish(self, count: int) -> None:
        bodies = [b"%d" % number for number in range(self.number, self.number + count)]
        self.number += count
        self.emulator.publish(*bodies)
        self.open.update(bodies)

    @rule(most=st.integers(1, 5))
    def pull(self, most: int) -> None:
        available = self.open - self.leased.keys()
        received = self.emulator.pull(most)
        bodies = [message.message.data for message in received]
        assert len(set(bodies)) == len(bodies) == min(most, len(available))
        assert set(bodies) <= available
        self.leased.update({message.message.data: message.ack_id for message in received})

    def chosen(self, data: st.DataObject) -> list[bytes]:
        return data.draw(st.lists(st.sampled_from(sorted(self.leased)), min_size=1, max_size=3, unique=True))

    @precondition(lambda self: self.leased)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        bodies = self.chosen(data)
        ack_ids = [self.leased.pop(body) for body in bodies]
        self.emulator.acknowledge(*ack_ids)
        self.open.difference_update(bodies)

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def acknowledge_late(self, data: st.DataObject) -> None:
        ack_id = data.draw(st.sampled_from(sorted(self.ended)))
        body = self.ended.pop(ack_id)
        self.emulator.acknowledge(ack_id)
        self.open.discard(body)
        self.leased.pop(body, None)

    @precondition(lambda self: self.leased)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        bodies = self.chosen(data)
        self.emulator.nack(*[self.leased[body] for body in bodies])
        self.end_leases(bodies)

    def end_leases(self, bodies: list[bytes]) -> None:
        self.ended.update({self.leased.pop(body): body for body in bodies})

    @rule()
    def wait_for_expiry(self) -> None:
        self.emulator.advance(LEASE_SECONDS)
        self.end_leases(list(self.leased))

    @rule()
    def tidy(self) -> None:
        self.emulator.advance(1)

    @rule()
    def kill_and_restart(self) -> None:
        self.emulator.restart()
        self.end_leases(list(self.leased))

    def teardown(self) -> None:
        if not hasattr(self, "emulator"):
            return
        self.wait_for_expiry()
        left: set[bytes] = set()
        while received := self.emulator.pull(1000):
            left.update(message.message.data for message in received)
        assert left == self.open
        self.context.__exit__(None, None, None)


Delivering.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestDelivering = Delivering.TestCase
