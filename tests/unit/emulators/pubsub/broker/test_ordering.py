"""Ordered delivery as a state machine: whatever the consumers do, each key stays in order and loses nothing."""

from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from emulators.pubsub.broker.delivery import Consumer, Delivery
from tests.unit.emulators.pubsub.backlogs import Log, backlog_of, take, undelivered

KEYS = ["a", "b", ""]
CONSUMERS = 2


class OrderedDelivery(RuleBasedStateMachine):
    is_exactly_once = False

    @initialize()
    def start(self) -> None:
        self.now = 0.0
        self.log = Log()
        self.backlog = backlog_of(self.log, is_ordered=True, is_exactly_once=self.is_exactly_once)
        self.consumers = [Consumer() for _ in range(CONSUMERS)]
        self.held: dict[int, tuple[Delivery, str, int]] = {}
        self.published: dict[str, list[int]] = defaultdict(list)
        self.done: set[int] = set()

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=5))
    def publish(self, keys: list[str]) -> None:
        ids = self.log.publish(*[{"data": b"x", "ordering_key": key} for key in keys])
        for key, message_id in zip(keys, ids, strict=True):
            self.published[key].append(message_id)

    @rule(number=st.integers(0, CONSUMERS - 1), most=st.integers(1, 4))
    def pull(self, number: int, most: int) -> None:
        for delivery in take(self.backlog, self.now, most, self.consumers[number]):
            assert delivery.id not in self.done
            if delivery.key:
                for earlier in self.published[delivery.key]:
                    if earlier >= delivery.id:
                        break
                    if earlier not in self.done:
                        holder = self.held[earlier][2]
                        assert holder == number, "an earlier message of the key is with another consumer"
            self.held[delivery.id] = (delivery, delivery.ack_id, number)

    @rule(data=st.data(), how=st.sampled_from(["ack", "ack", "ack", "nack"]))
    def answer(self, data: st.DataObject, how: str) -> None:
        if not self.held:
            return
        message_id = data.draw(st.sampled_from(sorted(self.held)))
        delivery, ack_id, _ = self.held[message_id]
        if how == "ack":
            del self.held[message_id]
            result = self.backlog.acknowledge([ack_id])
            self.done.update(result.acked)
            if self.is_exactly_once:
                assert (message_id in self.done) == (result.accepted == [ack_id])
                assert message_id in self.done or (result.unordered, delivery.ack_id) == ([ack_id], ack_id)
            if message_id not in self.done:
                self.held[message_id] = (delivery, ack_id, self.holder_of(message_id))
        else:
            self.backlog.modify([ack_id], [0], self.now)  # ignored where it is acknowledged and waits
            self.forget_ended()

    def holder_of(self, message_id: int) -> int:
        key = next(key for key, published in self.published.items() if message_id in published)
        holders = {self.held[other][2] for other in self.published[key] if other in self.held}
        return holders.pop() if holders else 0

    @rule()
    def expire(self) -> None:
        self.now += 10
        self.backlog.expire(self.now)
        self.forget_ended()

    def forget_ended(self) -> None:
        """Keeps of what was held only what still is: leased, or acknowledged and waiting for an earlier one."""
        self.held = {
            message_id: held for message_id, held in self.held.items() if held[0].ack_id == held[1] or held[0].acked
        }

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "backlog"):
            total = sum(map(len, self.published.values()))
            assert undelivered(self.backlog, self.log) == total - len(self.done)

    def teardown(self) -> None:
        if not hasattr(self, "backlog"):
            return
        self.now += 10
        self.backlog.expire(self.now)
        last = Consumer()
        order: dict[str, list[int]] = defaultdict(list)
        while received := take(self.backlog, self.now, 3, last):
            for delivery in received:
                order[delivery.key].append(delivery.id)
            self.done.update(self.backlog.acknowledge([delivery.ack_id for delivery in received]).acked)
        for key in KEYS[:2]:
            assert order[key] == sorted(order[key])
        assert self.done == {message_id for published in self.published.values() for message_id in published}
        assert self.backlog._ordered.parked == 0


class ExactlyOnceOrderedDelivery(OrderedDelivery):
    """An acknowledgement is confirmed if and only if its message is done; else the lease goes on."""

    is_exactly_once = True


for machine in (OrderedDelivery, ExactlyOnceOrderedDelivery):
    machine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestOrderedDelivery = OrderedDelivery.TestCase
TestExactlyOnceOrderedDelivery = ExactlyOnceOrderedDelivery.TestCase
